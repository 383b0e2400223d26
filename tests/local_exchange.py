"""``flashcrash exchange`` in a process of its own, for tests that connect to it over real sockets."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

__all__ = ["LocalExchange", "local_exchange"]


@frozen
class LocalExchange:
    """Base addresses as it printed them."""

    rest: str
    ws: str
    process: "subprocess.Popen[str]"
    ws_api: str = ""
    api_key: str = ""
    api_secret: str = ""

    @property
    def settings(self) -> tuple[str, ...]:
        """Options of a command that uses the feed ``binance``."""
        return "--set", f"feeds.binance.rest={self.rest}", "--set", f"feeds.binance.ws={self.ws}"


@contextmanager
def local_exchange(folder: Path, *options: str) -> Iterator[LocalExchange]:
    """A running exchange until the end of the block; what it says on standard error is shown when it ended by itself."""
    errors = folder / "exchange.txt"
    command = [sys.executable, "-W", "error", "-m", "flashcrash_core", "exchange", *options]
    with errors.open("w") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the exchange did not start: {errors.read_text()}"
        told = json.loads(line)
        yield LocalExchange(told["rest"], told["ws"], process, told["ws_api"], told.get("api_key", ""), told.get("api_secret", ""))
        assert process.poll() is None, f"the exchange ended by itself: {errors.read_text()}"
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
