"""Several reports at once in one folder, each of them there whole or not at all."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ...durable import replacing
from ...errors import ConfigurationError
from ..verdicts import AuditResult
from .outcome import Outcome
from .writers import Format, Writer, writer


class ReportFiles:
    """Writes a report of each format into `folder`: report.txt, report.json, report.jsonl, report.csv,
    report.html, report.sarif.

    `with` it: on entering, the folder is made where it is missing (mode 0700). The files (mode 0600) appear, or
    take the place of older ones, when the block ends well after `end`; else the folder is as it was.
    ConfigurationError names what cannot be written, on entering or later.
    """

    def __init__(self, folder: str | os.PathLike[str], formats: Iterable[Format]) -> None:
        self._folder = Path(folder)
        self._paths = {form: self._folder / form.file_name for form in formats}
        self._writers: list[tuple[Path, Writer]] = []
        self._stack = contextlib.ExitStack()
        self._has_ended = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in the order of their formats."""
        return tuple(self._paths.values())

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._make_folder(stack)
            for form, path in self._paths.items():
                if path.is_dir():
                    raise _unwritable(path, "it is a folder")
                with _naming(path):
                    stream = stack.enter_context(replacing(path))
                self._writers.append((path, writer(form, _Text(stream))))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and not self._has_ended:
            kind, error = _Abandoned, _Abandoned()
        try:
            self._stack.__exit__(kind, error, traceback)
        except OSError as failure:
            if error is not None:
                return  # that is what ended it; a full disk says the same thing twice
            why = _why(failure)
        else:
            return
        raise _unwritable(self._folder, why)

    def add(self, result: AuditResult) -> None:
        """One more result, for each report."""
        for path, report in self._writers:
            with _naming(path):
                report.add(result)

    def end(self, outcome: Outcome) -> None:
        """End each report; the files appear on leaving."""
        for path, report in self._writers:
            with _naming(path):
                report.end(outcome)
        self._has_ended = True

    def _make_folder(self, stack: contextlib.ExitStack) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            if self._folder.is_dir():
                return
            why = "it is no folder"
        except OSError as error:
            why = _why(error)
        else:
            stack.push(self._remove_if_failed)
            return
        raise _unwritable(self._folder, why)

    def _remove_if_failed(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


class _Abandoned(Exception):
    """The block ended without `end`."""


class _Text:
    """A binary stream as a Sink, in UTF-8; a lone surrogate of a name is written out."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> object:
        return self._stream.write(text.encode(errors="backslashreplace"))

    def flush(self) -> object:
        return self._stream.flush()

    def isatty(self) -> bool:
        return False


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An OSError in the block is about this file."""
    try:
        yield
    except OSError as error:
        why = _why(error)
    else:
        return
    raise _unwritable(path, why)


def _unwritable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path}: it cannot be written ({why}); choose another folder, or make room there")


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
