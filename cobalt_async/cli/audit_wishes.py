"""What `audit` takes from the command line, read and checked before anything is sent."""

import os
from typing import Literal

from attrs import frozen

from cobalt_async.audit import Baseline, Format, Policy, Severity, read_baseline, read_policy

from .paths import check_apart, check_named, check_new, check_there, check_writable


@frozen(kw_only=True)
class Options:
    """What the command line asks of an audit, whatever is audited.

    `out` is a folder, the other names are files; `fail_on` is None for never. `again` are the words that ask the same,
    but for what is kept of it on the way.
    """

    formats: tuple[Format, ...]
    out: str | None
    concurrency: int
    rate: float
    share: float
    regions: tuple[Literal["us", "eu"], ...]
    policy: str | None
    baseline: str | None
    save_baseline: str | None
    checkpoint: str | None
    resume: str | None
    skip_bad_rows: bool
    fail_on: Severity | None
    quiet: bool
    again: tuple[str, ...]


@frozen
class Known:
    """The files that an audit goes by, read and checked before anything is sent."""

    policy: Policy | None
    baseline: Baseline | None
    checkpoint: str | None

    @classmethod
    def read(cls, options: Options, file: str | None) -> "Known":
        """All of them; ConfigurationError for the first that cannot be. `file` is the inventory."""
        _check_names(options, file)
        if options.checkpoint is not None:
            check_new("--checkpoint", options.checkpoint, "go on with it by --resume, or name another")
        if options.resume is not None:
            check_there("--resume", options.resume, "it takes what --checkpoint, or an interrupted audit, left")
        if options.save_baseline is not None:
            check_writable("--save-baseline", options.save_baseline)
        return cls(
            policy=None if options.policy is None else read_policy(options.policy),
            baseline=None if options.baseline is None else read_baseline(options.baseline),
            checkpoint=options.checkpoint or options.resume,
        )


def _check_names(options: Options, file: str | None) -> None:
    """None of them is empty, and no two of one run are the same file; `--save-baseline` may renew `--baseline`."""
    given = {
        "FILE": file,
        "--policy": options.policy,
        "--baseline": options.baseline,
        "--save-baseline": options.save_baseline,
        "--checkpoint": options.checkpoint,
        "--resume": options.resume,
        "--out": options.out,
    }
    named = {option: name for option, name in given.items() if name is not None}
    check_named(named.items())
    folder = named.pop("--out", None)
    reports = () if folder is None else [("--out", os.path.join(folder, form.file_name)) for form in options.formats]
    for renewed in ("--baseline", "--save-baseline"):
        files = [(option, name) for option, name in named.items() if option != renewed and name != "-"]
        check_apart([*files, *reports])
