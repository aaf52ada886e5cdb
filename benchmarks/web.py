"""The server that clients are compared against: nginx with canned pages where it is installed, else the plain one.

Either is a process of its own and faster than any client here; what it can do at most is measured with wrk.
"""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from .children import ended, plain_server
from .figures import Row
from .rivals import TOKEN
from .server import TOKENS, choose

PAGES = 1000  # of `READER`'s listing, which begins at cursor 0
READER = f"u1.{PAGES * TOKENS}.reader"

_HOW = "{} is not installed; apt-get install {}"
_PATIENCE = 10.0  # seconds until a server that was started must answer
_SECONDS = 2  # of wrk

# The listing has a page of its own, which ends there; a page of the reader's is chosen by its cursor. One process
# that stays in front, so that it ends when it is told to; and it is told to when whoever started it is gone.
_SETTINGS = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  open_file_cache max=2000;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    root pages;
    default_type application/json;
    location = /tokens {{ try_files /$arg_cursor.json =404; }}
  }}
}}
"""
_FOLLOWING = '"$0" -e stderr -p "$1" -c nginx.conf & trap "kill $!; wait $!; exit" TERM; read -r _; kill $!; wait $!'


@frozen
class Web:
    """A server that is up."""

    url: str
    name: str

    def ceiling(self) -> Row:
        """How many requests a second it answers when nothing else is asked of it."""
        wrk = shutil.which("wrk")
        question = f"    {self.name}: its ceiling by wrk"
        if wrk is None:
            return Row(question, (), "/s", missing=_HOW.format("wrk", "wrk"))
        command = [wrk, "-t1", "-c64", f"-d{_SECONDS}s", "-H", f"Authorization: Bearer {TOKEN}", f"{self.url}/tokens"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s*([0-9.]+)", said)
        if found is None or "Non-2xx" in said:
            raise RuntimeError(f"wrk did not measure {self.name}:\n{said}")
        return Row(question, (float(found[1]),), "/s")


@contextmanager
def server() -> Generator[Web]:
    """The fastest server that is here; gone afterwards, after an error too."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if nginx is None:
        with plain_server() as url:
            yield Web(url, f"plain server ({_HOW.format('nginx', 'nginx')})")
        return
    with tempfile.TemporaryDirectory() as folder, _nginx(nginx, Path(folder)) as url:
        yield Web(url, "nginx")


@contextmanager
def _nginx(nginx: str, folder: Path) -> Generator[str]:
    """Start nginx with the plain server's answers in files, under a shell that ends it when our standard input does."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (folder / "nginx.conf").write_text(_SETTINGS.format(port=port), "utf-8")
    write_pages(folder / "pages")
    command = ["sh", "-c", _FOLLOWING, nginx, f"{folder}/"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as child, ended(child):
        _wait_for(port, child)
        yield f"http://localhost:{port}"


def write_pages(folder: Path) -> None:
    """The plain server's answers as files: `.json` without a cursor, and one for each cursor of the reader's."""
    folder.mkdir()
    (folder / ".json").write_bytes(_body("/tokens", TOKEN))
    for start in range(0, PAGES * TOKENS, TOKENS):
        (folder / f"{start}.json").write_bytes(_body(f"/tokens?cursor={start}", READER))


def _body(target: str, token: str) -> bytes:
    answer = choose(f"GET {target} HTTP/1.1\r\nAuthorization: Bearer {token}".encode())
    return answer.partition(b"\r\n\r\n")[2]


def _wait_for(port: int, child: "subprocess.Popen[str]") -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx did not start; what it said stands above")
