"""CT901: what lies on this machine as it should not."""

from collections.abc import Iterator

from ...ledger import RotationRecord
from .ground import Ground, Raised, of_path, of_token
from .texts import shown


def exposed_files(ground: Ground) -> Iterator[Raised]:
    """A file that secrets were read from, where others can read or change it; once for each file."""
    rows = ground.facts.query(
        "SELECT exposed, COUNT(DISTINCT mark) FROM credential WHERE exposed IS NOT NULL GROUP BY exposed"
    )
    for path, secrets in rows:
        held = "a secret" if secrets == 1 else f"{secrets} secrets"
        yield of_path("CT901", path, f"others than its owner can read or change {shown(path)}, which holds {held}")


def unfinished(ground: Ground) -> Iterator[Raised]:
    """A rotation that has not come to its end; of several of one token, the last that was touched."""
    open_ones: dict[str, RotationRecord] = {}
    for record in ground.ledger.records:
        if not record.finished:
            other = open_ones.get(record.token_id)
            if other is None or other.updated_at < record.updated_at:
                open_ones[record.token_id] = record
    for token_id, record in open_ones.items():
        since = f"{record.updated_at:%Y-%m-%d %H:%M}"
        message = f"a rotation of {shown(token_id)} is not finished: {shown(record.state)} since {since}"
        yield of_token("CT901", token_id, message)


JUDGES = (exposed_files, unfinished)
