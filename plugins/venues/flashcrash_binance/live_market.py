"""A live market of Binance as a source: instruments from ``exchangeInfo``, a feed core, and its driver on the source's loop."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from flashcrash_binance.exchange_info import changes, exchange_info_query
from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_binance.live_core import feed_core
from flashcrash_binance.market_feed.actions import Fetch
from flashcrash_binance.recording.recorder import Recorder
from flashcrash_binance.transport.clock import steady_clock
from flashcrash_binance.transport.driver import FeedDriver
from flashcrash_binance.transport.failures import Failure
from flashcrash_binance.transport.interface import transport_named
from flashcrash_binance.transport.rest import RestClient
from flashcrash_binance.venue_questions import listed, traded, where_it_is
from flashcrash_core.api import (
    BookSync,
    DataTier,
    FeedRequest,
    FlashcrashError,
    LiveSource,
    MarketEvent,
    RecordingOptions,
    SourceInfo,
    VenueError,
)

__all__ = ["REFRESH_S", "BinanceSource"]

REFRESH_S: Final = 1800.0
"""Between looks at exchangeInfo: filters change without notice, and seldom."""
_KEPT_WARNINGS: Final = 100


class BinanceSource(LiveSource):
    """One opened live market of one or more symbols.

    ``core`` is the :class:`~flashcrash_binance.market_feed.core.FeedCore` within.
    """

    def __init__(self, config: BinanceConfig, request: FeedRequest, symbols: Sequence[str]) -> None:
        where = config.endpoints()  # which may raise: before the loop, which would have to be closed
        super().__init__(first_event_s=config.first_event_s)
        self._symbols = tuple(symbols)
        self._where = where
        self._clock = steady_clock()
        self._rest = RestClient(self._where.rest, self._clock)
        self._warnings: deque[str] = deque(maxlen=_KEPT_WARNINGS)
        self._refreshed_us = 0
        self._recorder: Recorder | None = None
        try:
            transport = transport_named(config.transport, self.loop)
            found = self.run(traded(self._rest, self._where, self._symbols))
            self._instruments = {
                symbol: request.instruments(symbol, kind=config.market, venue=found[symbol].instrument) for symbol in self._symbols
            }
            self._listed = {symbol: found[symbol].instrument for symbol in self._symbols}
            self._refreshed_us = self._clock()
            self.core = feed_core(config, self._instruments, request.next_seq, request.seed)
        except BaseException:
            self.close()
            raise
        self.arrived = self.core.events
        self._driver = FeedDriver(
            self.core,
            self._where,
            transport,
            self._rest,
            self._clock,
            self.loop,
            on_events=self.wake,
            on_defect=self.fail,
            on_failure=self._on_failure,
            query=self._query,
        )
        self._transport_name = transport.name
        self._info = self._describe(config)

    @property
    def info(self) -> SourceInfo:
        """Symbols with the grids that hold for this run."""
        return self._info

    @property
    def position_open(self) -> bool:
        """Whether something hangs on hearing the market."""
        return self.core.position_open

    @position_open.setter
    def position_open(self, is_open: bool) -> None:
        self.core.position_open = is_open

    def record_to(self, options: RecordingOptions) -> None:
        """Keep what is taken from this source. Raises UsageError, StorageError."""
        self._recorder = Recorder(options, self._instruments, self._whole_book)
        self.core.captured = self._recorder.captured

    def end_recording(self) -> None:
        """Complete the files; nothing more is kept."""
        if self._recorder is not None:
            self.core.captured = None
            self._recorder.close()

    def recording(self) -> dict[str, object] | None:
        """How the recording is doing; None where nothing is recorded."""
        return None if self._recorder is None else self._recorder.status()

    def events(self) -> Iterator[MarketEvent]:
        """As :meth:`LiveSource.events`; a recorder learns what was taken."""
        recorder = self._recorder
        if recorder is None:
            yield from super().events()
            return
        for event in super().events():
            recorder.took(event.receive_us)
            yield event

    def close(self) -> None:
        """Close sockets and recording; idempotent."""
        try:
            super().close()
        finally:
            self.end_recording()

    def begin(self) -> None:
        """Start the core: it connects and asks for snapshots."""
        self.loop.call_soon(self._driver.start)
        self._refreshing = self.loop.create_task(self._refresh())

    async def end(self) -> None:
        """Drop connections and requests."""
        try:
            if hasattr(self, "_driver"):
                await self._driver.stop()
        finally:
            await self._rest.close()

    def silence(self) -> str:
        """What went wrong last, or that nothing was said."""
        failure = self._driver.last_failure
        if failure is not None:
            return f"the last failure: {failure}"
        if self._driver.opened:
            return (
                f"{self._where.ws} is connected and silent; check market and ws in [feeds.binance], and that {self._named()} trade "
                "now; feeds.binance.first_event_s sets how long to wait"
            )
        return f"{self._where.ws} does not answer; check that this machine is online: flashcrash doctor --feed binance"

    def health(self) -> dict[str, Any]:
        """The core's numbers as plain data, what the venue changed, and how it was connected."""
        told = attrs.asdict(self.core.health(self._clock()))
        failure = self._driver.last_failure
        told["transport"] = self._transport_name
        told["connections_opened"] = self._driver.opened
        told["last_failure"] = "" if failure is None else failure.what
        told["filters_age_s"] = round((self._clock() - self._refreshed_us) / 1e6, 1)
        told["warnings"] = list(self._warnings)
        if self._recorder is not None:
            told["recording"] = recording = self._recorder.status()
            if recording["stopped"]:
                told["warnings"].append(f"recording stopped: {recording['stopped']}")
        return told

    # -- within ------------------------------------------------------------------------------------------------------

    def _whole_book(self, symbol: str) -> BookSync | None:
        """The core's book, None while it waits for what is missing in it."""
        return self.core.book(symbol) if self.core.symbols[symbol].keeper.usable else None

    def _query(self, action: Fetch) -> Mapping[str, str | int]:
        if action.what == "exchangeInfo":
            return exchange_info_query(self._symbols, self._where.kind)
        query: dict[str, str | int] = {"symbol": action.symbol} if action.symbol else {}
        return query | {"limit": action.limit} if action.limit else query

    def _on_failure(self, failure: Failure) -> None:
        """Before the first word of the market a failure that no retry mends ends the run at once, with what to do."""
        if failure.final and not self._driver.opened:
            self.fail(VenueError(str(failure)))

    async def _refresh(self) -> None:
        """Look for changed filters now and then. The run keeps its grid; the user is told."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                now = await listed(self._rest, self._where, self._symbols)
            except FlashcrashError as error:
                self._warn(f"exchangeInfo could not be refreshed: {error}")
                continue
            self._refreshed_us = self._clock()
            for symbol, before in self._listed.items():
                for told in changes(before, now.get(symbol)):
                    self._warn(told)

    def _warn(self, warning: str) -> None:
        if warning not in self._warnings:
            self._warnings.append(warning)

    def _describe(self, config: BinanceConfig) -> SourceInfo:
        warnings = []
        host = urlsplit(self._where.ws).hostname or ""
        if config.ws or config.rest:
            warnings.append(f"prices come from {host}, not from Binance: no evidence about a real market unless it mirrors one")
        elif config.environment != "live":
            warnings.append(f"prices are those of Binance's {config.environment}: no evidence about the real market")
        place = f"{where_it_is(self._where)}, {config.environment}" if not config.ws else f"{where_it_is(self._where)} at {host}"
        return SourceInfo(
            symbols=self._symbols,
            has_book=True,
            data_tier=DataTier.L2,
            instruments=tuple(self._instruments.values()),
            description=f"{place}: {self._named()}",
            warnings=tuple(warnings),
        )

    def _named(self) -> str:
        return ", ".join(self._symbols)
