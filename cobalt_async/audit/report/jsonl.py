"""One JSON object a line for each credential, as results land."""

import json
from typing import TextIO

from ..verdicts import AuditResult


def write_jsonl(result: AuditResult, *, file: TextIO) -> None:
    """Write one line of ASCII and flush it.

    It has `label`, `verdict`, `reason`, `region`, and `tokens` with `id`, `name`, `last_characters` and
    `expire_at` (ISO 8601, or null).
    """
    tokens = [
        {
            "id": token.id,
            "name": token.name,
            "last_characters": token.last_characters,
            "expire_at": None if token.expire_at is None else token.expire_at.isoformat(),
        }
        for token in result.tokens
    ]
    line = {
        "label": result.label,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "region": result.region,
        "tokens": tokens,
    }
    print(json.dumps(line), file=file, flush=True)
