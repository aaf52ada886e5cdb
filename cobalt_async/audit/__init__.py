"""Many tokens at once: which are alive, dead, forbidden, and of which that is not known."""

from .credential import Credential
from .engine import AuditRun, audit
from .inventory import BadRow, Inventory, read_inventory
from .report.jsonl import write_jsonl
from .report.printable import printable
from .report.summary import summarize
from .report.table import ResultTable
from .tally import Report
from .verdicts import AuditResult, Verdict

__all__ = [
    "AuditResult",
    "AuditRun",
    "BadRow",
    "Credential",
    "Inventory",
    "Report",
    "ResultTable",
    "Verdict",
    "audit",
    "printable",
    "read_inventory",
    "summarize",
    "write_jsonl",
]
