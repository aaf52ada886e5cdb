"""`python -m cobalt_async` is the command `cobalt-async`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
