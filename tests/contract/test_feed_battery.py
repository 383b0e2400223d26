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
from flashcrash_core.testing import QUICK, CheckResult, Outcome, check_feed

SYMBOL = "SIMUSDT"


@frozen
class Endpoint:
    """Where the market is."""

    port: int = 0


class LineSource:
    """Trades from a socket, one line each; stamped as they arrive."""

    def __init__(self, config: Endpoint, request: FeedRequest) -> None:
        try:
            self.socket = socket.create_connection(("127.0.0.1", config.port), timeout=10)
        except OSError as error:
            raise DataError(f"127.0.0.1:{config.port}: no market there ({error}); name its port in [feeds.lines]") from None
        self.request, self.file = request, self.socket.makefile("rb")
        self.closed = False
        self.instrument = request.instruments(SYMBOL, sample=("1.01", "0.1"))
        self.info = SourceInfo((SYMBOL,), False, DataTier.TRADES, (self.instrument,), "lines of a socket")

    def events(self) -> Iterator[MarketEvent]:
        """Trades, until the source is closed."""
        while not self.closed:
            trade_id, price = self.file.readline().split()
            now_us = time.time_ns() // 1000
            ticks = self.instrument.price_ticks(price.decode())
            yield Trade(SYMBOL, self.request.next_seq(), now_us, now_us, int(trade_id), ticks, 1, Side.BUY)

    def progress(self) -> None:
        """Nobody knows how long a market lasts."""

    def close(self) -> None:
        """Hang up."""
        self.closed = True
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
def market() -> Iterator[int]:
    """The port of a server on this machine that sends trades to everybody as fast as they are taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        served: list[threading.Thread] = []

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                for number in count(1):
                    client.sendall(b"%d 100.%02d\n" % (number, number % 100))

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
    """A live feed is not connected to anything that nobody named; what could not be asked says so."""
    rows = by_check(check_feed(LIVE, effort=QUICK))
    assert {name for name, row in rows.items() if row.outcome is Outcome.PASSED} == {"interface", "configuration_schema"}
    assert {row.outcome for row in rows.values()} == {Outcome.PASSED, Outcome.SKIPPED}
    assert "endpoint" in rows["events_are_legal"].message


def test_live_feed_is_checked_against_the_endpoint_of_its_config() -> None:
    """With a local endpoint in config, events, numbers, order, close and progress of a live feed are checked over the socket."""
    with market() as port:
        rows = by_check(check_feed(LIVE, config={"port": port}, effort=QUICK))
    assert {name: row.message for name, row in rows.items() if row.outcome is Outcome.FAILED} == {}
    asked = {name for name, row in rows.items() if row.outcome is Outcome.PASSED}
    assert asked >= {"info", "events_are_legal", "events_bear_given_numbers", "close_ends_the_events", "progress_is_a_fraction"}
    assert "live" in rows["reproducible"].message


def test_file_feed_without_samples_is_still_held_to_what_needs_none() -> None:
    """Without samples a feed must refuse what is no file of its own; each other check says which writer it lacks."""
    rows = by_check(check_feed(plugin_of(sound.offer(samples={})[0]), effort=QUICK))
    passed = {name for name, row in rows.items() if row.outcome is Outcome.PASSED}
    assert passed >= {"interface", "recognises_its_files", "unreadable_file_is_refused", "foreign_file_is_refused"}
    assert 'a writer for "whole"' in rows["info"].message
    assert '"gap"' in rows["gap_is_told"].message


@pytest.mark.parametrize("given", [None, "sample.ticks", Path("absent.ticks")])
def test_writer_that_writes_nothing_is_named(given: object) -> None:
    """A sample that is no file fails the checks that read it, with the name of its writer."""
    rows = by_check(check_feed(plugin_of(sound.offer(samples={"whole": lambda _folder, _events: given})[0]), effort=QUICK))
    assert 'the writer of the sample "whole" gave' in rows["info"].message
