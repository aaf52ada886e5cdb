"""Whether a text looks like a secret, whatever it is said to be."""

import itertools
import math
import re
from collections import Counter

_SHORTEST_RANDOM = 20

# What well-known issuers put in front, and text that is nothing but a key.
_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:gh[pousr]_|hf_|npm_|sk-(?:[a-z]+-)?|[rs]k_(?:live|test)_)[A-Za-z0-9]{20,}"
    r"|(?:github_pat_|glpat-|xox[abeoprs]-|dop_v1_|shp(?:at|ss|ca)_|hvs\.|ya29\.)(?=\S*\d)[\w-]{20,}"
    r"|A[KS]IA[A-Z0-9]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.[\w-]{10,}|SG\.[\w-]{16,}\.[\w-]{16,}|pypi-AgE[\w-]{16,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY)",
    re.ASCII,
)
_TOKEN_ID = re.compile(r"api_[A-Za-z0-9]+", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RUN = re.compile(r"[\w+/=-]{20,}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")


def looks_like_secret(text: str) -> bool:
    """Whether a text holds what an issuer of keys would write, or a long run that looks random."""
    text = _UUID.sub(" ", _TOKEN_ID.sub(" ", text))
    if _PREFIXED.search(text) or not all(run.isdigit() or run.isalpha() for run in _HEX.findall(text)):
        return True
    return any(_is_random(run) for run in _RUN.findall(text))


def _is_random(run: str) -> bool:
    """Letters and digits that take turns as in nothing that a person writes."""
    kinds = [_kind(letter) for letter in run if letter.isalnum()]
    if len(kinds) < _SHORTEST_RANDOM or "digit" not in kinds or len(set(kinds)) < 2:
        return False
    turns = sum(one != other for one, other in itertools.pairwise(kinds)) / len(kinds)
    is_plain = len(set(kinds)) == 2 and len(kinds) == len(run) >= 24
    return turns >= (0.25 if is_plain else 0.35) and _entropy(run) >= 3.3


def _kind(letter: str) -> str:
    return "digit" if letter.isdigit() else "upper" if letter.isupper() else "lower"


def _entropy(run: str) -> float:
    """Bits for each character, by how often each of them stands there."""
    return -sum(count / len(run) * math.log2(count / len(run)) for count in Counter(run).values())
