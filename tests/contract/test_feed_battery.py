"""The battery of feeds where no file is read: a live feed and its endpoint, a feed without samples, samples that are no files."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import frozen
from contract.planted_base import feed as sound

from flashcrash_core.api import (
    DataError,
    DataTier,
    FeedRequest,
    FeedSpec,
    MarketEvent,
    PluginInfo,
    Side,
    SourceInfo,
    Trade,
    hookimpl,
)
from flashcrash_core.testing import QUICK, CheckResult, Outcome, check_feed, is_proven
from flashcrash_core.testing.checks.feed import waiting

SYMBOL = "SIMUSDT"


@frozen
class Endpoint:
    """Where the market is."""

    port: int = 0


class LineSource:
    """Trades from a socket, one line each; stamped as they arrive."""

    def __init__(self, config: Endpoint, request: FeedRequest) -> None:
        try:
            self.socket = socket.create_connection(("127.0.0.1", config.port))
        except OSError as error:
            raise DataError(f"127.0.0.1:{config.port}: no market there ({error}); name its port in [feeds.lines]") from None
        self.request, self.file = request, self.socket.makefile("rb")
        self.closed = False
        self.instrument = request.instruments(SYMBOL, sample=("1.01", "0.1"))
        self.info = SourceInfo((SYMBOL,), False, DataTier.TRADES, (self.instrument,), "lines of a socket")

    def events(self) -> Iterator[MarketEvent]:
        """Trades, until the source is closed."""
        while not self.closed:
            line = self.file.readline()
            if not line:
                return
            trade_id, price = line.split()
            now_us = time.time_ns() // 1000
            ticks = self.instrument.price_ticks(price.decode())
            yield Trade(SYMBOL, self.request.next_seq(), now_us, now_us, int(trade_id), ticks, 1, Side.BUY)

    def progress(self) -> None:
        """Nobody knows how long a market lasts."""

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            with suppress(OSError):  # the market may have hung up before
                self.socket.shutdown(socket.SHUT_RDWR)  # which ends a reading in another thread
            self.file.close()
            self.socket.close()


class LineFeed:
    """Opens connections."""

    def __init__(self, config: Endpoint) -> None:
        self.config = config

    def open(self, request: FeedRequest) -> LineSource:
        """Connect. Raises DataError."""
        return LineSource(self.config, request)


def plugin_of(spec: FeedSpec) -> ModuleType:
    """A plugin that offers one feed."""
    module: Any = ModuleType("planted_lines")
    module.flashcrash_plugin = PluginInfo(api=1, summary="a feed of a test")

    @hookimpl
    def flashcrash_feeds() -> list[FeedSpec]:
        return [spec]

    module.flashcrash_feeds = flashcrash_feeds
    return module


LIVE = plugin_of(FeedSpec(name="lines", summary="lines of a socket", config=Endpoint, build=LineFeed, live=True))


@contextmanager
def market(*, trades: int | None = None) -> Iterator[int]:
    """The port of a server on this machine that sends trades to everybody as fast as they are taken; then it says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        served: list[threading.Thread] = []

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                for number in count(1) if trades is None else range(1, trades + 1):
                    client.sendall(b"%d 100.%02d\n" % (number, number % 100))
                client.recv(1)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    # Kept until the client hangs up, which is when sending fails.
                    served.append(threading.Thread(target=serve, args=(server.accept()[0],)))
                    served[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *served):
                thread.join(10)


def by_check(rows: list[CheckResult]) -> dict[str, CheckResult]:
    """The rows by name of the check."""
    return {row.check: row for row in rows}


def test_live_feed_without_an_endpoint_is_skipped_with_the_reason() -> None:
    """A live feed is not connected to anything that nobody named, whatever its settings; what could not be asked says so."""
    with market() as port:
        rows = by_check(check_feed(LIVE, config={"port": port}, effort=QUICK))
    assert {name for name, row in rows.items() if row.outcome is Outcome.PASSED} == {"interface", "configuration_schema"}
    assert {row.outcome for row in rows.values()} == {Outcome.PASSED, Outcome.SKIPPED}
    assert "local_endpoint" in rows["events_are_legal"].message
    assert not is_proven(list(rows.values()))


def test_live_feed_is_checked_against_its_local_endpoint() -> None:
    """With a local endpoint, events, numbers, order, close and progress of a live feed are checked over the socket."""
    with market() as port:
        rows = by_check(check_feed(LIVE, local_endpoint={"port": port}, effort=QUICK))
    assert {name: row.message for name, row in rows.items() if row.outcome is Outcome.FAILED} == {}
    asked = {name for name, row in rows.items() if row.outcome is Outcome.PASSED}
    assert asked >= {"info", "events_are_legal", "events_bear_given_numbers", "close_ends_the_events", "progress_is_a_fraction"}
    assert "live" in rows["reproducible"].message


READS_EVENTS = {
    "info",
    "events_are_legal",
    "events_are_as_announced",
    "events_bear_given_numbers",
    "events_are_in_order",
    "trades_come_once",
    "close_ends_the_events",
    "leaves_nothing_open",
    "progress_is_a_fraction",
}


@pytest.mark.parametrize("trades", [0, 30])
def test_live_feed_that_falls_silent_fails_and_holds_nobody_up(trades: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A market that says nothing, or nothing more, fails every check that awaits events, with a message; no thread is left."""
    monkeypatch.setattr(waiting, "SILENCE_S", 0.2)
    before = set(threading.enumerate())
    with market(trades=trades) as port:
        rows = by_check(check_feed(LIVE, local_endpoint={"port": port}, effort=QUICK))
    failed = {name: row.message for name, row in rows.items() if row.outcome is Outcome.FAILED}
    assert failed.keys() == (READS_EVENTS if trades == 0 else READS_EVENTS - {"close_ends_the_events"})
    assert {f"number {trades + 1}, has not come back within 0.2 s" in message for message in failed.values()} == {True}
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) <= before


class DeafSource(LineSource):
    """Does not hear that it is closed."""

    def close(self) -> None:
        """Wait for a word of the market first."""
        RELEASED.wait(30)
        super().close()


class DeafFeed(LineFeed):
    """Opens them."""

    def open(self, request: FeedRequest) -> LineSource:
        """Connect. Raises DataError."""
        return DeafSource(self.config, request)


RELEASED = threading.Event()


def test_live_feed_whose_close_waits_fails_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close that does not come back fails the check that called it."""
    monkeypatch.setattr(waiting, "SILENCE_S", 0.2)
    deaf = plugin_of(FeedSpec(name="deaf", summary="hears nothing", config=Endpoint, build=DeafFeed, live=True))
    with market() as port:
        try:
            rows = by_check(check_feed(deaf, local_endpoint={"port": port}, effort=QUICK))
        finally:
            RELEASED.set()
    assert rows["interface"].outcome is Outcome.FAILED
    assert "close() has not come back within 0.2 s" in rows["interface"].message


def test_file_feed_without_samples_is_still_held_to_what_needs_none() -> None:
    """Without samples a feed must refuse what is no file of its own; each other check says which writer it lacks."""
    rows = by_check(check_feed(plugin_of(sound.offer(samples={})[0]), effort=QUICK))
    passed = {name for name, row in rows.items() if row.outcome is Outcome.PASSED}
    assert passed >= {"interface", "recognises_its_files", "unreadable_file_is_refused", "foreign_file_is_refused"}
    assert 'a writer for "whole"' in rows["info"].message
    assert '"gap"' in rows["gap_is_told"].message


@pytest.mark.parametrize("given", [None, "sample.ticks", Path("absent.ticks")])
def test_writer_that_writes_nothing_is_named(given: object) -> None:
    """A sample that is no file fails the first check that reads it, with the name of its writer."""
    rows = by_check(check_feed(plugin_of(sound.offer(samples={"whole": lambda _folder, _events: given})[0]), effort=QUICK))
    assert 'the writer of the sample "whole" gave' in rows["interface"].message
