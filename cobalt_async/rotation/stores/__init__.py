"""Stores: where a new secret goes, and how one knows that it is there."""

from .commands import CommandStore
from .contract import SecretStore
from .env_files import EnvFileStore
from .files import FileStore
from .keyrings import KeyringStore
from .opening import open_store

__all__ = ["CommandStore", "EnvFileStore", "FileStore", "KeyringStore", "SecretStore", "open_store"]
