"""The sandbox's people as an inventory: for an audit in this process, or as a file for one in another."""

import csv
import io
import os
from collections.abc import Iterable, Iterator

from cobalt_async import errors
from cobalt_async.audit import Credential

_COLUMNS = ("label", "secret", "owner")


def declared(inventory: Iterable[tuple[str, str]]) -> Iterator[Credential]:
    """What a security team would have on record: each label and secret, and whose it is."""
    for label, secret in inventory:
        yield Credential(label, secret, owner=_owner(label))


def write_inventory(inventory: Iterable[tuple[str, str]], file: str) -> None:
    """The same as a CSV file that only its owner may read; ConfigurationError where one is there already."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    rows.writerows((label, secret, _owner(label)) for label, secret in inventory)
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text.getvalue().encode())
    except FileExistsError:
        why = "it is there already"
    except OSError as error:
        why = error.strerror or type(error).__name__
    else:
        return
    raise errors.ConfigurationError(f"--inventory {file}: it cannot be written ({why}); name another file")


def _owner(label: str) -> str:
    """The labels begin with whose the token is, up to the first slash."""
    return label.partition(" / ")[0]
