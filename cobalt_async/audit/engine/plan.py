"""What an audit is asked to do, checked before anything is sent."""

import os
from collections.abc import AsyncIterable, Iterable, Sequence
from pathlib import Path

from attrs import field, frozen

from ...client import AsyncCobalt
from ...errors import ConfigurationError
from ...ledger import Ledger, RotationRecord
from ...protocol.hosts import Region
from ...protocol.requests import check_count
from ..baseline import Baseline
from ..credential import Credential
from ..policy import Policy
from .places import Place, places
from .source import Source


@frozen
class Plan:
    """The arguments of `audit`, as the run needs them."""

    cobalt: AsyncCobalt
    source: Source
    places: tuple[Place, ...]
    concurrency: int = field(kw_only=True)
    share: float = field(kw_only=True)
    policy: Policy = field(kw_only=True)
    baseline: Baseline | None = field(kw_only=True)
    ledger: Ledger = field(kw_only=True)
    checkpoint: Path | None = field(kw_only=True)


def plan_of(
    cobalt: AsyncCobalt,
    credentials: Iterable[Credential] | AsyncIterable[Credential],
    *,
    concurrency: int,
    rate: float,
    share: float,
    regions: Sequence[Region],
    policy: Policy | None,
    baseline: Baseline | None,
    ledger: Iterable[RotationRecord],
    checkpoint: str | os.PathLike[str] | None,
) -> Plan:
    """The arguments of `audit`; a wrong one is a ConfigurationError."""
    if not isinstance(cobalt, AsyncCobalt):
        raise ConfigurationError(f"cobalt: an AsyncCobalt, not {type(cobalt).__name__}")
    if check_count(concurrency, "concurrency") > cobalt.max_connections:
        most = cobalt.max_connections
        raise ConfigurationError(f"concurrency: at most the client's max_connections, which is {most}")
    for name, given, kind in (("policy", policy, Policy), ("baseline", baseline, Baseline)):
        if given is not None and not isinstance(given, kind):
            raise ConfigurationError(f"{name}: a {kind.__name__}, not {type(given).__name__}")
    if not isinstance(ledger, Iterable):
        raise ConfigurationError(f"ledger: RotationRecords, not {type(ledger).__name__}")
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise ConfigurationError(f"checkpoint: the path of a file, not {type(checkpoint).__name__}")
    return Plan(
        cobalt,
        Source(credentials),
        places(cobalt, regions, rate=rate),
        concurrency=concurrency,
        share=_check_share(share),
        policy=policy or Policy(),
        baseline=baseline,
        ledger=Ledger(ledger),
        checkpoint=None if checkpoint is None else Path(checkpoint),
    )


def _check_share(share: float) -> float:
    """How much of a rate window an audit may use: above 0, at most 1."""
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise ConfigurationError(f"share: a number above 0, at most 1, not {type(share).__name__}")
    if not 0 < share <= 1:
        raise ConfigurationError("share: a number above 0, at most 1; 0.8 leaves a fifth of each user's window alone")
    return float(share)
