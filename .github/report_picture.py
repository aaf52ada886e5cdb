"""The picture of the html report in README: `python .github/report_picture.py` audits the sandbox and makes it anew.

Needs the extra `dev`, and Chromium as Debian packages it (`apt-get install chromium`).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("report.png")
CHROMIUM = shutil.which("chromium")
MOST = 150_000  # bytes


def main() -> None:
    """Audit the sandbox's people, open the report, and keep what is seen first of it."""
    if CHROMIUM is None:
        sys.exit("no Chromium here: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cobalt_async", "audit", "--sandbox", "--quiet", "--format", "html"]
        subprocess.run([*command, "--out", folder], check=True)  # noqa: S603 - this Python, with arguments of our own
        with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
            page = browser.new_page(viewport={"width": 1200, "height": 600})
            page.goto(Path(folder, "report.html").as_uri())
            page.screenshot(path=PICTURE)
    if PICTURE.stat().st_size > MOST:
        sys.exit(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes; it should have at most {MOST:,}")


if __name__ == "__main__":
    main()
