import asyncio
import io
import os
import signal
import threading
from pathlib import Path

import pytest

from cobalt_async.audit import BadRow, Credential, read_inventory
from cobalt_async.cli.rows import Rows
from cobalt_async.errors import ConfigurationError
from tests.cli.calling import started, wait_until


class Stream(io.BytesIO):
    """A stream that counts its lines, and fails after so many."""

    def __init__(self, text: bytes, *, good: int = 1_000_000) -> None:
        super().__init__(text)
        self.read_lines = 0
        self.good = good

    def readline(self, size: int | None = -1, /) -> bytes:
        self.read_lines += 1
        if self.read_lines > self.good:
            raise OSError(5, "Input/output error")
        return super().readline(size)


def _nobody_reads() -> bool:
    return all(thread.name != "inventory" for thread in threading.enumerate())


async def test_credentials_come_in_order_and_bad_rows_aside() -> None:
    """Each row comes once: credentials to whoever iterates, bad ones to `on_bad`; then it ends."""
    bad: list[BadRow] = []
    text = b"label,secret\n" + b"".join(b"r%d,x\nbad\n" % number for number in range(200))
    with Rows(read_inventory(Stream(text)), on_bad=bad.append) as rows:
        labels = [credential.label async for credential in rows]
        with pytest.raises(StopAsyncIteration):
            await anext(rows)
    assert labels == [f"r{number}" for number in range(200)]
    assert [row.line for row in bad] == list(range(3, 402, 2))
    wait_until(_nobody_reads)


async def test_it_reads_no_more_than_64_rows_ahead() -> None:
    """A big inventory is not pulled into memory; leaving ends the thread."""
    stream = Stream(b"label,secret\n" + b"".join(b"r%d,x\n" % number for number in range(5000)))
    with Rows(read_inventory(stream), on_bad=print) as rows:
        for taken in range(1, 100):
            assert isinstance(await anext(rows), Credential)
            assert stream.read_lines <= 1 + taken + 64 + 2
    wait_until(_nobody_reads)


async def test_a_failure_in_the_middle_is_raised_where_it_is_awaited() -> None:
    """An inventory that breaks is not one that ends."""
    inventory = read_inventory(Stream(b"label,secret\na,x\nb,y\n", good=3))
    with Rows(inventory, on_bad=print) as rows:
        assert [(await anext(rows)).label for _ in range(2)] == ["a", "b"]
        with pytest.raises(ConfigurationError, match="after line 3"):
            await anext(rows)
    wait_until(_nobody_reads)


def _hanging(folder: Path, *before: str) -> Path:
    """An inventory whose last row's command says its process id and never ends."""
    path = folder / "inventory.csv"
    hang = f"""command:sh -c 'echo $$ >{folder}/pid.new; mv {folder}/pid.new {folder}/pid; exec sleep 3600'"""
    path.write_text("\n".join(("label,secret_ref", *before, f'hanging,"{hang}"', "")), encoding="utf-8")
    return path


def _ended(folder: Path) -> bool:
    """Whether the command of that row runs no more; a zombie does not."""
    try:
        stat = Path(f"/proc/{int((folder / 'pid').read_text(encoding='ascii'))}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


async def test_a_slow_command_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """Rows before it have come, and the loop goes round while it runs; then its row comes."""
    os.mkfifo(tmp_path / "fifo")
    text = f"label,secret_ref\nquick,command:echo one\nslow,command:cat {tmp_path}/fifo\n"
    with Rows(read_inventory(io.BytesIO(text.encode())), on_bad=print) as rows:
        assert (await anext(rows)).label == "quick"
        slow = asyncio.ensure_future(anext(rows))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not slow.done()
        await asyncio.to_thread((tmp_path / "fifo").write_text, "two\n")  # which is let in when `cat` reads
        assert (await slow).secret.reveal() == "two"
    wait_until(_nobody_reads)


async def test_leaving_kills_the_command_that_runs(tmp_path: Path) -> None:
    """Whoever leaves waits for no command: it is killed, and the thread ends with it."""
    with Rows(read_inventory(_hanging(tmp_path), command_timeout=3600), on_bad=print) as rows:
        waiting = asyncio.ensure_future(anext(rows))
        await asyncio.to_thread(wait_until, (tmp_path / "pid").exists)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    wait_until(lambda: _ended(tmp_path))
    wait_until(_nobody_reads)


async def test_leaving_before_the_first_row_starts_nothing(tmp_path: Path) -> None:
    """Without a row that was asked for there is no thread, no command, and the file is closed."""
    inventory = read_inventory(_hanging(tmp_path))
    with Rows(inventory, on_bad=print):
        pass
    assert list(inventory) == []
    assert not (tmp_path / "pid").exists()
    assert _nobody_reads()


@pytest.mark.usefixtures("sandbox")
def test_an_interrupt_while_a_command_hangs(tmp_path: Path) -> None:
    """The process ends before the command's ten seconds are up, and leaves none behind."""
    with started("audit", str(_hanging(tmp_path))) as process:
        wait_until((tmp_path / "pid").exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(9) == 130
    assert _ended(tmp_path)
