"""One JSON object a line for each credential, as results land."""

import json

from ..verdicts import AuditResult
from .objects import credential
from .outcome import Outcome
from .sink import Sink


class JsonlWriter:
    """Writes a line of ASCII for each result and flushes it; at the end there is nothing to add.

    Each has `label`, `verdict`, `reason`, `user`, `region`, and `tokens` with `id`, `name`, `last_characters` and
    `expire_at` (ISO 8601, or null).
    """

    def __init__(self, file: Sink) -> None:
        self._file = file

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._file.write(json.dumps(credential(result)) + "\n")
        self._file.flush()

    def end(self, outcome: Outcome) -> None:
        """The lines are all there is."""
        self._file.flush()
