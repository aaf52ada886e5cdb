"""Rotation: one token, never lost. Refresh, prove, store, with a journal of every step."""

from .binding import Binding
from .journal import Journal
from .outcome import Plan, Rotation, RotationClass
from .resuming import resume, spooled_secret
from .rotate import plan, rotate
from .stores import CommandStore, EnvFileStore, FileStore, KeyringStore, SecretStore, open_store
from .words import State

__all__ = [
    "Binding",
    "CommandStore",
    "EnvFileStore",
    "FileStore",
    "Journal",
    "KeyringStore",
    "Plan",
    "Rotation",
    "RotationClass",
    "SecretStore",
    "State",
    "open_store",
    "plan",
    "resume",
    "rotate",
    "spooled_secret",
]
