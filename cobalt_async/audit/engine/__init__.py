"""Many credentials at once: who is asked when, how often, and when a verdict may be told."""

from .run import AuditRun, audit

__all__ = ["AuditRun", "audit"]
