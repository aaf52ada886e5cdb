"""aiohttp's exceptions in our words: told and dropped, because they hold headers and bodies."""

import errno
import ssl as tls

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import CobaltError, NoAnswerError, NotSentError, UnreadableError
from .attempt import Attempt

_NO_HTTP = "bytes that are not HTTP"
_FULL = frozenset({errno.EMFILE, errno.ENFILE})
_WITH_CERTIFICATE = "a client certificate, if the server asks for one, goes into the context for ssl="


class Stale(Exception):
    """The pooled connection holds something that nobody asked for; nothing was written to it."""


class Broken(Exception):
    """The connection broke under the try. No OSError, so that aiohttp does not send the request a second time."""


def told(request: str, attempt: Attempt, failure: Exception) -> CobaltError:
    """What stopped a try, as the error to raise where no head of an answer came."""
    if isinstance(failure, TimeoutError) and attempt.expired:
        return (NoAnswerError if attempt.left else NotSentError)(request, attempt.limit)
    if (why := _unconnected(failure)) is not None:
        return NotSentError(request, why, isinstance(failure, aiohttp.ClientSSLError))
    is_foreign = isinstance(failure, aiohttp.ClientResponseError | HttpProcessingError)
    if not attempt.left:  # whatever broke, a proxy's CONNECT say, the request had no part in it
        return NotSentError(request, f"there was no connection ({_NO_HTTP if is_foreign else name(failure)})")
    if is_foreign:
        return UnreadableError(request, _NO_HTTP)
    return NoAnswerError(request, f"the connection broke ({name(failure)})")


def _unconnected(failure: Exception) -> str | None:
    """Why no connection came to be; None where the failure is of another kind."""
    match failure:
        case aiohttp.ClientConnectorError() if failure.os_error.errno in _FULL:
            return "there are too many open files; close some, or raise the limit (ulimit -n)"
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(failure.certificate_error, "verify_message", "") or "not trusted"
            return f"the server's certificate does not hold ({reason}); a private CA goes to ssl="
        case aiohttp.ClientSSLError():
            return f"TLS could not be agreed on ({name(failure.os_error)}); {_WITH_CERTIFICATE}"
        case aiohttp.ClientConnectorDNSError():
            return "the host name cannot be resolved; check base_url and the network"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answered {failure.status}"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy cannot be reached ({name(failure)})"
        case aiohttp.ServerTimeoutError():
            return "no connection in time"
        case aiohttp.ClientConnectorError(os_error=ConnectionError(errno=None)):  # asyncio's, in a handshake
            return f"TLS was broken off ({name(failure.os_error)}); {_WITH_CERTIFICATE}"
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            return f"there was no connection ({name(failure)})"
    return None


def name(error: BaseException) -> str:
    """An exception without what it holds: what TLS calls it, the name of its errno, else of its class."""
    if isinstance(error, Broken):
        return str(error)
    for told_by in (error, error.__cause__):  # aiohttp gives the number of a TLS error for an errno
        if isinstance(told_by, tls.SSLError) and isinstance(told_by.reason, str):
            is_asked = "CERTIFICATE_REQUIRED" in told_by.reason
            return f"{told_by.reason}; {_WITH_CERTIFICATE}" if is_asked else told_by.reason
    number = getattr(error, "errno", None)
    known = errno.errorcode.get(number) if isinstance(number, int) else None
    return known or type(error).__name__
