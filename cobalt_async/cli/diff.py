"""`cobalt-async diff`: what changed from one baseline to the next."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import attrgetter

from cobalt_async.audit import Baseline, Change, ChangeKind, changes, printable, read_baseline

from .exit_codes import ExitCode

_SCHEMA_VERSION = 1
_SHOWN = 8  # digits of a fingerprint
_GROUPS = {
    ChangeKind.REFRESHED: ("Refreshed, or made again under the same name", "{subject} for {was}: {now}"),
    ChangeKind.NEW_ID: ("New ids", "{subject}: {now}"),
    ChangeKind.ID_GONE: ("Ids that are no longer seen", "{subject}: {was}"),
    ChangeKind.RENAMED: ("Renamed", "{subject}: {was} -> {now}"),
    ChangeKind.USERS_MERGED: ("Two users who are one", "the user of {subject} is the one of {now}"),
    ChangeKind.USER_GONE: ("Users that are no longer seen", "the user of {subject}"),
    ChangeKind.VERDICT: ("Other verdicts", "credential {short}: {was} -> {now}"),
    ChangeKind.NEW_SECRET: ("Other secrets under the same label", "credential {short}"),
    ChangeKind.NEW_CREDENTIAL: ("New credentials", "credential {short}: {now}"),
    ChangeKind.CREDENTIAL_GONE: ("Credentials that are gone", "credential {short}: {was}"),
}


def diff(first: str, second: str, *, as_json: bool) -> int:
    """Say what changed from the first baseline to the second: 0 nothing, 1 something; 2 is an error's."""
    before, after = read_baseline(first), read_baseline(second)
    found = changes(before, after)
    one = next(found, None)  # an error comes before anything is printed
    found = chain(() if one is None else (one,), found)
    if as_json:
        _print_json(before, after, found)
    else:
        _print_lines(before, after, found)
    return ExitCode.DONE if one is None else ExitCode.CHANGED  # as diff(1) has it


def _print_lines(before: Baseline, after: Baseline, found: Iterator[Change]) -> None:
    count = 0
    for kind, group in groupby(found, attrgetter("kind")):
        title, form = _GROUPS[kind]
        print(f"{title}:")
        for change in group:
            count += 1
            texts = {"subject": change.subject, "was": change.was or "", "now": change.now or ""}
            print("  " + printable(form.format(short=change.subject[:_SHOWN], **texts)))
    what = "Nothing changed" if not count else f"{count} changes" if count > 1 else "1 change"
    print(f"{what} from {_named(before)} to {_named(after)}.")


def _print_json(before: Baseline, after: Baseline, found: Iterable[Change]) -> None:
    """One object; each change stands on a line of its own."""
    print(f'{{\n"schema_version": {_SCHEMA_VERSION},')
    for name, baseline in (("first", before), ("second", after)):
        print(f'"{name}": {json.dumps({"path": str(baseline.path), "made_at": baseline.made_at.isoformat()})},')
    print('"changes": [', end="")
    comma = "\n"
    for change in found:
        fields = {"change": change.kind, "subject": change.subject, "was": change.was, "now": change.now}
        print(comma + json.dumps(fields), end="")
        comma = ",\n"
    print("\n]\n}")


def _named(baseline: Baseline) -> str:
    return f"{printable(str(baseline.path))} ({baseline.made_at:%Y-%m-%d %H:%M} UTC)"
