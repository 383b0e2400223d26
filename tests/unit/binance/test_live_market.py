"""The live source around the core: instruments, refreshed filters, exposure, health, and closing at any time."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest
from attrs import define, field

from flashcrash_binance import live_market
from flashcrash_binance.feed_config import BinanceConfig, BinanceSymbol
from flashcrash_binance.live_market import BinanceSource
from flashcrash_core.api import FeedRequest, VenueError
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.market.feed import WatchedSource
from flashcrash_feeds.binance import BinanceFeed


@define
class Venue:
    """REST of one symbol on loopback; nobody listens for streams."""

    port: int = 0
    tick: str = "0.01000000"
    status: int = 200
    asked: list[str] = field(factory=list)

    @property
    def asked_for_filters(self) -> list[str]:
        """Requests for exchangeInfo."""
        return [path for path in self.asked if "exchangeInfo" in path]

    def source(self, instruments: InstrumentBook | None = None, **options: Any) -> BinanceSource:
        """A source of it."""
        config = BinanceConfig(rest=f"http://127.0.0.1:{self.port}", ws="ws://127.0.0.1:9", **options)
        request = FeedRequest(instruments or InstrumentBook(), count(1).__next__, None, ("BTCUSDT",))
        return BinanceFeed(config).open(request)

    def answer(self) -> bytes:
        """exchangeInfo as it is now."""
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": self.tick},
            {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ]
        return json.dumps(
            {"symbols": [{"symbol": "BTCUSDT", "status": "TRADING", "quoteAsset": "USDT", "filters": filters}]}
        ).encode()


@pytest.fixture
def venue() -> Iterator[Venue]:
    """The venue, until the end of the test."""
    told = Venue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            body = told.answer() if "exchangeInfo" in self.path else b'{"serverTime":1}'
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(source: BinanceSource, reached: Callable[[], object]) -> None:
    """Run the source's loop until then."""
    for _ in range(1000):
        if reached():
            return
        source.run(asyncio.sleep(0.01))
    raise AssertionError("not reached within 10 s")


def test_the_venues_filters_are_the_grid_unless_the_user_set_one(venue: Venue) -> None:
    """What the venue tells today goes before the shipped grid, and what is configured goes before the venue."""
    venue.tick = "0.10000000"
    with_venues, with_own = venue.source(), venue.source(InstrumentBook({"BTCUSDT": {"tick_size": "0.5"}}))
    try:
        assert str(with_venues.info.instruments[0].tick_size) == "0.1"
        own = with_own.info.instruments[0]
        assert (str(own.tick_size), str(own.lot_size)) == ("0.5", "0.00001")
        assert with_venues.info.has_book
        assert "127.0.0.1" in with_venues.info.description
    finally:
        with_venues.close()
        with_own.close()


def test_a_filter_that_changes_is_told_and_the_run_keeps_its_own(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """exchangeInfo is asked again; a new tick, and later a failure, become warnings of the health, each once."""
    monkeypatch.setattr(live_market, "REFRESH_S", 0.02)
    source = venue.source()
    try:
        source.begin()
        until(source, lambda: len(venue.asked_for_filters) >= 3)
        assert source.health()["warnings"] == []
        venue.tick = "0.05000000"
        until(source, lambda: source.health()["warnings"])
        venue.status, known = 503, len(venue.asked_for_filters)
        until(source, lambda: len(source.health()["warnings"]) > 1 and len(venue.asked_for_filters) > known + 3)
        changed, failed = source.health()["warnings"]
        assert "tick size is now 0.05, this run keeps 0.01" in changed
        assert "HTTP 503" in failed
        assert str(source.info.instruments[0].tick_size) == "0.01"
    finally:
        source.close()


def test_exposure_reaches_the_core_and_health_is_plain(venue: Venue) -> None:
    """A source is a WatchedSource: its position_open is the core's, its health can be written as JSON at any time."""
    source = venue.source()
    assert isinstance(source, WatchedSource)
    source.position_open = True
    assert source.core.position_open
    assert json.loads(json.dumps(source.health()))["symbols"]["BTCUSDT"]["usable"] is False
    source.close()
    source.close()
    assert list(source.events()) == []


def test_an_opening_that_fails_leaves_nothing(venue: Venue) -> None:
    """A venue that refuses: the error, and no loop or socket is left behind (warnings are errors here)."""
    venue.status = 451
    with pytest.raises(VenueError, match="HTTP 451"):
        venue.source()


def test_symbols_may_stand_in_the_configuration(venue: Venue) -> None:
    """Without --symbols the tables of single symbols say what is heard, each with its own settings."""
    config = BinanceConfig(
        rest=f"http://127.0.0.1:{venue.port}",
        ws="ws://127.0.0.1:9",
        symbols={"btcusdt": BinanceSymbol(trades="agg", snapshot_limit=5000)},
    )
    source = BinanceFeed(config).open(FeedRequest(InstrumentBook(), count(1).__next__))
    try:
        assert source.info.symbols == ("BTCUSDT",)
        own = source.core.symbols["BTCUSDT"].settings
        assert (own.aggregates, own.snapshot_limit) == (True, 5000)
    finally:
        source.close()
