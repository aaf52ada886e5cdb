"""An async client for Cobalt's personal API tokens: list them, audit thousands at once, never lose one."""

from . import errors
from ._version import __version__
from .client import AsyncCobalt
from .models import Page, RefreshedToken, Token
from .protocol.limits import RetryPolicy, Timeouts
from .secret import Secret

__all__ = [
    "AsyncCobalt",
    "Page",
    "RefreshedToken",
    "RetryPolicy",
    "Secret",
    "Timeouts",
    "Token",
    "__version__",
    "errors",
]
