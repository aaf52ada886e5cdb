import builtins
import io
import os
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.rotation.file_system import file_system_of

MOUNTS = r"""22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:26 / /run/user rw,nosuid - tmpfs tmpfs rw
31 22 0:27 / /home rw - overlay overlay rw
32 22 0:28 / /home/with\040blank rw master:1 - xfs /dev/sdb rw
33 22 0:29 / /home rw - nfs4 server:/home rw
"""


def pretend(monkeypatch: pytest.MonkeyPatch, text: str | OSError) -> None:
    """Let this be the system's table of mounts, and every path be there."""

    def opened(path: Any, *arguments: Any, **more: Any) -> Any:
        assert path == "/proc/self/mountinfo"
        if isinstance(text, OSError):
            raise text
        return io.StringIO(text)

    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(os.path, "realpath", str)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/x", "ext4"),
        ("/run/user", "tmpfs"),
        ("/run/user/a/b", "tmpfs"),
        ("/run/users", "ext4"),
        ("/home/ada", "nfs4"),  # mounted over the overlay
        ("/home/with blank/x", "xfs"),
        ("/", "ext4"),
    ],
)
def test_the_mount_that_is_nearest_counts(monkeypatch: pytest.MonkeyPatch, path: str, expected: str) -> None:
    """The longest mount point that a path is inside of; of two at one place, the one on top."""
    pretend(monkeypatch, MOUNTS)
    assert file_system_of(Path(path)) == expected


@pytest.mark.parametrize("text", ["", "nonsense\n", "1 2 3 4\n", FileNotFoundError(2, "no /proc")])
def test_where_the_system_does_not_say_it_is_unknown(monkeypatch: pytest.MonkeyPatch, text: str | OSError) -> None:
    """No table, an empty one, or one of another shape."""
    pretend(monkeypatch, text)
    assert file_system_of(Path("/home/ada")) == "unknown"


def test_a_path_that_is_not_there_yet_is_where_it_will_be(tmp_path: Path) -> None:
    """The nearest folder that exists; a symbolic link is followed."""
    there = file_system_of(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert file_system_of(tmp_path / "a" / "b") == there
    assert file_system_of(tmp_path / "link" / "a") == there
