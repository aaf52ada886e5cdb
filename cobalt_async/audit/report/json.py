"""One JSON document for a whole audit, written while results land: memory does not grow with them."""

import json
from collections.abc import Iterable

from ..verdicts import AuditResult
from . import objects
from .objects import Fields
from .outcome import Outcome
from .sink import Sink

SCHEMA_VERSION = 1
"""Grows when a key goes away or means something else; a new key is no reason."""


class JsonWriter:
    """Writes ASCII: `schema_version`, `credentials`; at the end `alerts`, `notes`, `cannot_know` and `summary`.

    Each credential and each alert stands on a line of its own. Nothing is written before the first result or the end.
    """

    def __init__(self, file: Sink) -> None:
        self._file = file
        self._began = False

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._begin()
        self._item(objects.credential(result))

    def end(self, outcome: Outcome) -> None:
        """All that is known at the end only; the document is whole then."""
        self._begin()
        self._file.write("\n]")
        self._array("alerts", map(objects.alert, outcome.report.alerts))
        self._value("notes", outcome.report.notes)
        self._value("cannot_know", outcome.report.cannot_know)
        self._value("summary", objects.summary(outcome))
        self._file.write("\n}\n")
        self._file.flush()

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self._file.write(f'{{\n"schema_version": {SCHEMA_VERSION}')
            self._open("credentials")

    def _open(self, name: str) -> None:
        self._file.write(f',\n"{name}": [')
        self._comma = "\n"

    def _item(self, fields: Fields) -> None:
        self._file.write(self._comma + json.dumps(fields))
        self._comma = ",\n"

    def _array(self, name: str, items: Iterable[Fields]) -> None:
        self._open(name)
        for item in items:
            self._item(item)
        self._file.write("\n]")

    def _value(self, name: str, value: object) -> None:
        self._file.write(f',\n"{name}": {json.dumps(value, indent=2)}')
