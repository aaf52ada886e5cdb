"""What SQLite's trouble with a file means for whoever named it, and what to do about that."""

_TROUBLE = {  # by SQLite's primary result codes, https://sqlite.org/rescode.html
    3: ("it may not be written", "see to its permissions, or name another file"),  # SQLITE_PERM
    5: ("another process has it open", "wait for that one, or name another file"),  # SQLITE_BUSY
    8: ("it may not be written", "see to its permissions, or name another file"),  # SQLITE_READONLY
    10: ("its disk cannot be read or written", "see to that disk"),  # SQLITE_IOERR
    11: ("it is damaged", "start anew, with another file"),  # SQLITE_CORRUPT
    13: ("there is no room left on its disk", "make room there"),  # SQLITE_FULL
    14: ("it cannot be opened", "see to its permissions, or name another file"),  # SQLITE_CANTOPEN
    26: ("it is no checkpoint", "name one that an audit made"),  # SQLITE_NOTADB
}


def trouble_of(error: Exception) -> tuple[str, str] | None:
    """What is wrong with the file, and what to do; None for a bug of ours."""
    return _TROUBLE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
