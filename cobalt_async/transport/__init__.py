"""One try: carries a Request to a Response. The only room that imports aiohttp's client and knows its ways.

What aiohttp does by default and a bearer of tokens must not: it follows redirects, keeps cookies between tokens,
reads proxies and passwords from the environment, has no limit for a body, sends a GET twice behind the caller's
back, and hands a pooled connection on with whatever a server pushed into it meanwhile. All of that ends here, and
so does every exception of aiohttp's: it is told in words and dropped, because it holds headers and bodies.
"""

from .attempt import OnAnswer, Route
from .send import Transport

__all__ = ["OnAnswer", "Route", "Transport"]
