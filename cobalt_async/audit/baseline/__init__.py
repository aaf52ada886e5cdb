"""What an audit knew, in a file for the next one: written, read, and two of them compared."""

from .changes import Change, ChangeKind, changes
from .reading import Baseline, read_baseline
from .writing import write_baseline

__all__ = ["Baseline", "Change", "ChangeKind", "changes", "read_baseline", "write_baseline"]
