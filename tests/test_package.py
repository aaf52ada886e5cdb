"""What is installed is what the project says it is."""

import re
from importlib.metadata import distribution
from pathlib import Path

import cobalt_async

INSTALLED = distribution("cobalt-async")


def test_only_three_packages_are_needed_to_run() -> None:
    """Without an extra, aiohttp, attrs and cattrs are installed, within their bounds, and nothing else."""
    needed = {line for line in INSTALLED.requires or () if "extra ==" not in line}
    assert needed == {"aiohttp<4,>=3.14.5", "attrs>=25.4", "cattrs>=25.3"}


def test_the_extras_are_those_of_the_readme() -> None:
    """`cli`, `keyring`, `speed`, `bench` and `dev` can be asked for."""
    assert set(INSTALLED.metadata.get_all("Provides-Extra") or ()) == {"cli", "keyring", "speed", "bench", "dev"}


def test_uvloop_is_not_asked_for_on_windows() -> None:
    """The extra `speed` installs on every platform, and brings uvloop where uvloop exists."""
    uvloop = [line for line in INSTALLED.requires or () if line.startswith("uvloop")]
    assert uvloop
    assert all("sys_platform != 'win32'" in line for line in uvloop)


def test_the_metadata_names_version_python_and_license() -> None:
    """The wheel says its version, the oldest Python, and MIT as an SPDX expression."""
    assert INSTALLED.version == cobalt_async.__version__
    assert INSTALLED.metadata["Requires-Python"] == ">=3.11"
    assert INSTALLED.metadata["License-Expression"] == "MIT"


def test_the_command_and_the_pytest_plugin_are_registered() -> None:
    """`cobalt-async` runs the CLI's `main`, and pytest finds the plugin."""
    ours = {(entry.group, entry.name): entry.value for entry in INSTALLED.entry_points}
    assert ours == {
        ("console_scripts", "cobalt-async"): "cobalt_async.cli:main",
        ("pytest11", "cobalt_async"): "cobalt_async.testing.pytest_plugin",
    }


def test_the_package_says_that_it_is_typed() -> None:
    """`py.typed` lies in the package, so type checkers read its annotations."""
    assert Path(next(iter(cobalt_async.__path__)), "py.typed").is_file()


def test_the_changelog_tells_of_this_version() -> None:
    """The CHANGELOG has a dated heading for the version, and a place for what comes next."""
    changelog = Path(__file__).parent.with_name("CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(cobalt_async.__version__)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert "\n## [Unreleased]\n" in changelog
