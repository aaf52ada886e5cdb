"""Many tokens at once: which are alive, dead, forbidden or not known, what breaks policy, and what changed."""

from ..likeness import looks_like_secret
from .alerts import Alert, Severity
from .baseline import Baseline, Change, ChangeKind, changes, read_baseline
from .catalogue import RULES, Rule
from .credential import Credential
from .engine import AuditRun, audit
from .inventory import BadRow, Inventory, read_inventory
from .policy import Policy, Suppression, read_policy
from .report.csv import CsvWriter
from .report.files import ReportFiles
from .report.html import HtmlWriter
from .report.json import JsonWriter
from .report.jsonl import JsonlWriter
from .report.outcome import Outcome
from .report.printable import ending, printable
from .report.sarif import SarifWriter
from .report.summary import summarize
from .report.table import TableWriter
from .report.writers import Format, Writer, writer
from .tally import Report
from .verdicts import AuditResult, Verdict

__all__ = [
    "RULES",
    "Alert",
    "AuditResult",
    "AuditRun",
    "BadRow",
    "Baseline",
    "Change",
    "ChangeKind",
    "Credential",
    "CsvWriter",
    "Format",
    "HtmlWriter",
    "Inventory",
    "JsonWriter",
    "JsonlWriter",
    "Outcome",
    "Policy",
    "Report",
    "ReportFiles",
    "Rule",
    "SarifWriter",
    "Severity",
    "Suppression",
    "TableWriter",
    "Verdict",
    "Writer",
    "audit",
    "changes",
    "ending",
    "looks_like_secret",
    "printable",
    "read_baseline",
    "read_inventory",
    "read_policy",
    "summarize",
    "writer",
]
