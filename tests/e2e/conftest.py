"""The real command line for end-to-end tests: subprocesses, a small simulated market, raw captures made of it, and shared runs."""

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from flashcrash_core.api import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Level,
    MarketEvent,
    Side,
    SimulatedMarket,
    Trade,
    scenario_preset,
)

SMALL: dict[str, int] = {"calm_s": 330, "quotes_per_s": 5, "trades_per_s": 4, "aftermath_s": 110}
"""The default crash after a calm just longer than the warm-up and with fewer messages: a third of the work of the default."""
SMALL_OPTIONS = [part for key, value in SMALL.items() for part in ("--set", f"feeds.simulated.{key}={value}")]
TABLES = ("intents", "notices", "fills", "trades", "transitions", "scores", "orders")
_TIMEOUT_S = 120


@frozen
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """Standard output as the one JSON document that it must be; numbers exact."""
        document = json.loads(self.out, parse_float=Decimal)
        assert isinstance(document, dict)
        return document


@frozen
class Cli:
    """Runs ``flashcrash`` in its own process, with ``cwd`` as working directory."""

    cwd: Path

    def start(self, *arguments: object, env: dict[str, str] | None = None, **options: Any) -> "subprocess.Popen[str]":
        """Start without waiting."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLASHCRASH__")}
        return subprocess.Popen(
            [sys.executable, "-m", "flashcrash_core", *map(str, arguments)],
            cwd=self.cwd,
            env=inherited | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def __call__(self, *arguments: object, env: dict[str, str] | None = None, **options: Any) -> Done:
        """Run to the end. Whatever happens there must never be a traceback."""
        with self.start(*arguments, env=env, **options) as process:
            try:
                out, err = process.communicate(timeout=_TIMEOUT_S)
            except BaseException:
                process.kill()
                raise
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err)

    def ok(self, *arguments: object, env: dict[str, str] | None = None) -> Done:
        """Run to the end, which must be a success."""
        done = self(*arguments, env=env)
        assert done.code == 0, done.err
        return done

    def refused(self, code: int, *arguments: object, **options: Any) -> str:
        """Run something that must end with ``code`` and one error message and no report; returns the message."""
        done = self(*arguments, **options)
        assert done.code == code, (done.code, done.out, done.err)
        assert done.out == ""
        assert done.err.startswith("error: "), done.err
        return done.err


@frozen
class Probe:
    """Looks into a database while a run writes it, read-only."""

    path: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query; none while the database or its tables are not there yet."""
        if not self.path.exists():
            return []
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as connection:
                return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    def wait(self, process: "subprocess.Popen[str]", sql: str, timeout_s: float = 60) -> None:
        """Wait until the query gives rows; fails when the run ends before it does."""
        deadline = time.monotonic() + timeout_s
        while not self.rows(sql):
            assert process.poll() is None, f"the run ended before: {sql}\n{process.communicate()[1]}"
            assert time.monotonic() < deadline, f"waited {timeout_s} s in vain for: {sql}"
            time.sleep(0.002)  # between two looks; what is seen decides, not the clock

    def kill_when(self, process: "subprocess.Popen[str]", sql: str) -> None:
        """SIGKILL as soon as the query gives rows."""
        self.wait(process, sql)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL


def capture_lines(events: Iterable[MarketEvent], market: SimulatedMarket) -> Iterator[bytes]:
    """Events as lines of a raw Binance capture with microsecond stamps (timeUnit=MICROSECOND)."""
    instrument = market.instrument
    symbol = instrument.symbol
    stream = symbol.lower()

    def price(ticks: int) -> str:
        return f"{instrument.price(ticks):f}"

    def quantity(lots: int) -> str:
        return f"{instrument.quantity(lots):f}"

    def levels(side: Iterable[Level]) -> list[list[str]]:
        return [[price(ticks), quantity(lots)] for ticks, lots in side]

    for event in events:
        message: dict[str, Any]
        match event:
            case BookSnapshot():
                message = {"lastUpdateId": event.update_id, "bids": levels(event.bids), "asks": levels(event.asks)}
            case BookDelta():
                data = {"e": "depthUpdate", "E": event.exchange_us, "s": symbol, "U": event.first_id, "u": event.last_id}
                sides = {"b": levels(event.bids), "a": levels(event.asks)}
                message = {"stream": f"{stream}@depth@100ms", "data": data | sides}
            case BestQuote():
                best = {"b": price(event.bid_ticks), "B": quantity(event.bid_lots)}
                best |= {"a": price(event.ask_ticks), "A": quantity(event.ask_lots)}
                message = {"stream": f"{stream}@bookTicker", "data": {"u": event.update_id, "s": symbol} | best}
            case Trade():
                data = {"e": "trade", "E": event.exchange_us, "s": symbol, "t": event.trade_id, "T": event.exchange_us}
                data |= {"p": price(event.price_ticks), "q": quantity(event.qty_lots), "m": event.aggressor is Side.SELL, "M": True}
                message = {"stream": f"{stream}@trade", "data": data}
            case _:
                raise AssertionError(f"the simulated market gave a {type(event).__name__}")
        yield f"{event.receive_us * 1000} ".encode() + json.dumps(message, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line in an empty directory."""
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def small() -> list[str]:
    """Options of the small market."""
    return SMALL_OPTIONS


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The small market from beginning to end, uninterrupted: what every other way to the end is compared with."""
    return Cli(tmp_path_factory.mktemp("whole")).ok("run", "--db", "whole.db", "--json", *SMALL_OPTIONS)


@pytest.fixture(scope="session")
def comparable() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A report without what must differ: wall time, and the session's name and place."""
    own = ("wall_s", "session", "session_db", "exported")
    return lambda report: {key: value for key, value in report.items() if key not in own}


@pytest.fixture(scope="session")
def lines_of() -> Callable[..., list[bytes]]:
    """Lines of a raw capture of a simulated market: preset, seed and its changes."""

    def make(preset: str = "calm", seed: int = 1, **changes: Any) -> list[bytes]:
        market = SimulatedMarket(scenario_preset(preset, **changes), seed)
        return list(capture_lines(market.events(), market))

    return make


@pytest.fixture(scope="session")
def calm_lines(lines_of: Callable[..., list[bytes]]) -> list[bytes]:
    """Ten calm seconds as a raw capture: enough for everything that goes wrong before trading."""
    return lines_of("calm", calm_s=10)


@pytest.fixture(scope="session")
def small_capture(lines_of: Callable[..., list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small market as a raw capture."""
    path = tmp_path_factory.mktemp("capture") / "simusdt_raw.gz"
    path.write_bytes(gzip.compress(b"".join(lines_of("crash_and_bounce", **SMALL)), compresslevel=1))
    return path


@pytest.fixture(scope="session")
def cli_in() -> Callable[[Path], Cli]:
    """The command line in any directory."""
    return Cli


@pytest.fixture(scope="session")
def probe() -> Callable[[Path], Probe]:
    """A look into any database."""
    return Probe


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, list[str]]]:
    """What a database's tables of decisions say, without the names of session and rows."""

    def look(database: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            found = {}
            for table in TABLES:
                cursor = connection.execute(f"SELECT * FROM {table}")
                keep = [i for i, column in enumerate(cursor.description) if column[0] not in ("id", "session")]
                found[table] = sorted(repr([row[i] for i in keep]) for row in cursor)
            return found

    return look


@pytest.fixture
def started(cli: Cli) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts commands that are surely gone when the test ends."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
        process = cli.start(*arguments, **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
