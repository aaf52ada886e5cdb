import contextlib
import errno
import io
import json
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cobalt_async.audit import Format, ReportFiles
from cobalt_async.audit.report import files as files_module
from cobalt_async.errors import ConfigurationError
from tests.audit.reporting import RESULTS, outcome

NAMES = ["report.csv", "report.html", "report.json", "report.jsonl", "report.sarif", "report.txt"]


def _write(reports: ReportFiles) -> None:
    with reports:
        for result in RESULTS:
            reports.add(result)
        reports.end(outcome())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_for_each_format(tmp_path: Path) -> None:
    """The folder is made for its owner alone, and each report stands in it, whole, as the others."""
    folder = tmp_path / "new" / "reports"
    reports = ReportFiles(folder, Format)
    _write(reports)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert _names(folder) == NAMES == sorted(path.name for path in reports.paths)
    assert {stat.S_IMODE(path.stat().st_mode) for path in reports.paths} == {0o600}
    assert [one["label"] for one in json.loads((folder / "report.json").read_text())["credentials"]] == [
        result.label for result in RESULTS
    ]
    assert len((folder / "report.jsonl").read_text().splitlines()) == 3
    assert (folder / "report.csv").read_bytes().count(b"\r\n") == 4
    assert (folder / "report.txt").read_text().endswith("Complete: every credential has a verdict.\n")


def test_files_appear_at_the_end(tmp_path: Path) -> None:
    """Until the block ends there is no report, and an older one stays as it was."""
    (tmp_path / "report.json").write_text("old")
    with ReportFiles(tmp_path, (Format.JSON, Format.CSV)) as reports:
        reports.add(RESULTS[0])
        reports.end(outcome())
        assert (tmp_path / "report.json").read_text() == "old"
        assert not (tmp_path / "report.csv").exists()
    assert _names(tmp_path) == ["report.csv", "report.json"]
    assert json.loads((tmp_path / "report.json").read_text())["schema_version"] == 1


@pytest.mark.parametrize("how", ["an error", "no end"])
def test_nothing_half_written(tmp_path: Path, how: str) -> None:
    """A block that fails, or was left without an end, leaves nothing: no file, and no folder that was not there."""
    folder = tmp_path / "reports"

    class Oops(Exception):
        pass

    def use() -> None:
        with ReportFiles(folder, Format) as reports:
            reports.add(RESULTS[0])
            if how == "an error":
                raise Oops

    if how == "an error":
        with pytest.raises(Oops):
            use()
    else:
        use()
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def _room(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 30, 500])
def test_a_full_disk(tmp_path: Path, room: int) -> None:
    """Whenever it fills up, that is one line with the file's name, older reports stay, and nothing else does."""
    (tmp_path / "report.json").write_text("old")
    with pytest.raises(ConfigurationError) as raised, _room(room):
        _write(ReportFiles(tmp_path, (Format.JSON, Format.JSONL)))
    assert str(raised.value).startswith(f"{tmp_path / 'report.json'}")
    assert ": it cannot be written (File too large)" in str(raised.value)
    assert _names(tmp_path) == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "old"


def test_a_disk_that_fails_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a failure of the last step, with the folder's name; nothing stays."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ConfigurationError, match=r"it cannot be written \(Input/output error\)"):
        _write(ReportFiles(tmp_path, Format))
    assert _names(tmp_path) == []


def test_what_ended_the_block_is_raised_even_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure while what was begun is thrown away does not hide an interrupt."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(KeyboardInterrupt):
        with ReportFiles(tmp_path, (Format.JSON,)) as reports:
            reports._stack.push(fail)
            raise KeyboardInterrupt


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in its place, a folder in a report's place, or one where nobody may write: an error on entering."""
    (tmp_path / "file").write_text("")
    (tmp_path / "full" / "report.csv").mkdir(parents=True)
    for folder, why in (
        (tmp_path / "file", "it is no folder"),
        (tmp_path / "file" / "below", "Not a directory"),
        (tmp_path / "full", "it is a folder"),
        (Path("/proc/none"), "No such file or directory"),
    ):
        with pytest.raises(ConfigurationError, match=why) as raised:
            ReportFiles(folder, Format).__enter__()
        assert len(str(raised.value).splitlines()) == 1
    assert _names(tmp_path / "full") == ["report.csv"]


def test_a_name_that_utf_8_cannot_carry(tmp_path: Path) -> None:
    """A lone surrogate is written out, in every format."""
    assert files_module._Text(stream := io.BytesIO()).write("a\ud800")
    assert stream.getvalue() == rb"a\ud800"
