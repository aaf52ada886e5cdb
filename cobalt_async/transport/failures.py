"""aiohttp's exceptions in our words: told and dropped, because they hold headers and bodies."""

import errno

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import CobaltError, NoAnswerError, NotSentError, UnreadableError
from .attempt import Attempt


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
    if isinstance(failure, aiohttp.ClientResponseError | HttpProcessingError):
        return UnreadableError(request, "bytes that are not HTTP")
    why = str(failure) if isinstance(failure, Broken) else name(failure)
    if attempt.left or isinstance(failure, aiohttp.ServerConnectionError | aiohttp.ClientOSError):
        return NoAnswerError(request, f"the connection broke ({why})")
    return NotSentError(request, f"there was no connection ({why})")


def _unconnected(failure: Exception) -> str | None:
    """Why no connection came to be; None where the failure is of another kind."""
    match failure:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(failure.certificate_error, "verify_message", "") or "not trusted"
            return f"the server's certificate does not hold ({reason}); a private CA goes to ssl="
        case aiohttp.ClientSSLError():
            return "TLS could not be agreed on"
        case aiohttp.ClientConnectorDNSError():
            return "the host name cannot be resolved; check base_url and the network"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answered {failure.status}"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy cannot be reached ({name(failure)})"
        case aiohttp.ServerTimeoutError():
            return "no connection in time"
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            return f"there was no connection ({name(failure)})"
    return None


def name(error: BaseException) -> str:
    """An exception without what it holds: the name of its errno, else of its class."""
    number = getattr(error, "errno", None)
    known = errno.errorcode.get(number) if isinstance(number, int) else None
    return known or type(error).__name__
