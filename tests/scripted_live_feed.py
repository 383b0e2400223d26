"""A live feed without a network, as a plugin: simulated markets told as Binance's messages, with what a real feed core adds.

Between the messages stand timers, holes that the feed knew, refused messages, and snapshots after holes. It keeps its own books and
reports every accepted line to a recorder before the run takes its event, some lines ahead, as the feed ``binance`` does.
"""

import heapq
import json
import time
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from attrs import field, frozen

from flashcrash_binance.codec import MarketCodec
from flashcrash_binance.recording.control_lines import BookPicture, gap_line, rejected_line, snapshot_line, timer_line
from flashcrash_binance.recording.recorder import Recorder
from flashcrash_core.api import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    BookSync,
    DataTier,
    FeedGap,
    FeedRequest,
    FeedSpec,
    Instrument,
    MarketEvent,
    PluginInfo,
    RecordingOptions,
    Side,
    SimulatedMarket,
    SourceInfo,
    SyncState,
    Trade,
    hookimpl,
    scenario_preset,
    simulated_instrument,
)

__all__ = ["ScriptedSource", "flashcrash_feeds", "flashcrash_plugin", "script"]

flashcrash_plugin = PluginInfo(api=1, summary="Feed of tests: a script of live messages")

_AHEAD: Final = 40
"""Lines that are captured before the run takes the first of their events."""
Line = tuple[str, int, bytes]


@frozen(kw_only=True)
class Config:
    """``[feeds.scripted]``."""

    calm_s: int = 340
    aftermath_s: int = 60
    speed: float = 0.0
    """Lines per second of real time; 0: as fast as they are taken."""
    hole_every: int = field(default=4_000)
    """Lines between holes in the book."""
    restart_us: int = 0
    """Added to all times: a later piece of the same market."""


def wire(event: MarketEvent, instrument: Instrument) -> bytes:
    """The event as Binance's message in the combined form; a snapshot bare."""
    symbol = event.symbol

    def levels(pairs: Any) -> list[list[str]]:
        return [[f"{instrument.price(price):f}", f"{instrument.quantity(lots):f}"] for price, lots in pairs]

    data: dict[str, Any]
    match event:
        case Trade():
            kind = "trade"
            data = {"e": "trade", "E": event.exchange_us, "s": symbol, "t": event.trade_id}
            data |= {"p": f"{instrument.price(event.price_ticks):f}", "q": f"{instrument.quantity(event.qty_lots):f}"}
            data |= {"T": event.exchange_us, "m": event.aggressor is Side.SELL, "M": True}
        case BestQuote():
            kind = "bookTicker"
            ((bid, bid_qty),) = levels([(event.bid_ticks, event.bid_lots)])
            ((ask, ask_qty),) = levels([(event.ask_ticks, event.ask_lots)])
            data = {"u": event.update_id, "s": symbol, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty}
        case BookDelta():
            kind = "depth@100ms"
            data = {"e": "depthUpdate", "E": event.exchange_us, "s": symbol, "U": event.first_id, "u": event.last_id}
            data |= {"b": levels(event.bids), "a": levels(event.asks)}
        case BookSnapshot():
            bare = {"lastUpdateId": event.update_id, "bids": levels(event.bids), "asks": levels(event.asks)}
            return json.dumps(bare).encode()
        case _:
            raise AssertionError(event)
    return json.dumps({"stream": f"{symbol.lower()}@{kind}", "data": data}).encode()


def script(instruments: dict[str, Instrument], config: Config, seed: int) -> Iterator[Line]:
    """Lines of all symbols with strictly increasing times of receipt."""
    last_us = 0
    books = {symbol: BookSync() for symbol in instruments}
    waiting = dict.fromkeys(instruments, 0)
    streams = [
        SimulatedMarket(
            scenario_preset("crash_and_bounce", symbol=symbol, calm_s=config.calm_s, aftermath_s=config.aftermath_s),
            seed + number,
            instrument=instrument,
        ).events()
        for number, (symbol, instrument) in enumerate(instruments.items())
    ]
    for number, event in enumerate(heapq.merge(*streams, key=lambda one: one.receive_us)):
        symbol, instrument, book = event.symbol, instruments[event.symbol], books[event.symbol]
        last_us = max(last_us + 1, event.receive_us + config.restart_us)
        if isinstance(event, BookSnapshot):
            book.on_snapshot(event)
        elif isinstance(event, BookDelta):
            book.on_delta(event)
        yield symbol, last_us, wire(event, instrument)
        if number % 97 == 96:
            for other in instruments:
                last_us += 1
                yield other, last_us, timer_line(other, event.receive_us)
        if number % 611 == 610:
            last_us += 1
            yield symbol, last_us, rejected_line(symbol, "nan", "a scripted refusal")
        if number % config.hole_every == config.hole_every - 1:
            waiting[symbol] = 120
            last_us += 1
            yield symbol, last_us, gap_line(symbol, "scripted")
        elif waiting[symbol]:
            waiting[symbol] -= 1
            if not waiting[symbol]:
                last_us += 1
                yield symbol, last_us, snapshot_line(BookPicture.of(book), instrument)


class ScriptedSource:
    """The feed's side of the seam: decodes, keeps books, records."""

    def __init__(self, config: Config, request: FeedRequest) -> None:
        symbols = request.symbols or ("SIMUSDT",)
        self.instruments = {one: request.instruments(one, venue=simulated_instrument(one)) for one in symbols}
        self._config = config
        self._seed = request.seed
        self._books = {one: BookSync() for one in symbols}
        self._codecs = {one: MarketCodec(self.instruments, request.next_seq, snapshot_symbol=one, recorded=True) for one in symbols}
        self._info = SourceInfo(symbols, True, DataTier.L2, tuple(self.instruments.values()), "scripted")
        self._recorder: Recorder | None = None
        self.position_open = False
        self.closed = False

    @property
    def info(self) -> SourceInfo:
        return self._info

    def record_to(self, options: RecordingOptions) -> None:
        self._recorder = Recorder(options, self.instruments, self._books.__getitem__)

    def end_recording(self) -> None:
        if self._recorder is not None:
            self._recorder.close()

    def recording(self) -> dict[str, object] | None:
        return None if self._recorder is None else self._recorder.status()

    def health(self) -> dict[str, Any]:
        return {"recording": self.recording(), "warnings": []}

    def events(self) -> Iterator[MarketEvent]:
        lines = script(self.instruments, self._config, self._seed)
        waiting: deque[MarketEvent] = deque()
        recorder = self._recorder
        begun = time.monotonic()
        for number in count():
            if self.closed:
                return
            if (line := next(lines, None)) is None:
                break
            if self._config.speed and (ahead_s := number / self._config.speed - (time.monotonic() - begun)) > 0.01:
                time.sleep(ahead_s)
            event = self._take(*line)
            if event is not None:
                waiting.append(event)
            if len(waiting) > _AHEAD:
                yield from self._hand_out(waiting, recorder)
        yield from self._hand_out(waiting, recorder)

    def _take(self, symbol: str, receive_us: int, payload: bytes) -> MarketEvent | None:
        event = self._codecs[symbol].decode(payload, receive_us)
        book = self._books[symbol]
        if isinstance(event, BookSnapshot):
            book.on_snapshot(event)
        elif isinstance(event, BookDelta):
            book.on_delta(event)
        elif isinstance(event, FeedGap) and book.state is SyncState.SYNCED:
            book.lose("feed_gap")
        if self._recorder is not None:
            self._recorder.captured(symbol, receive_us, payload)
        return event

    def _hand_out(self, waiting: "deque[MarketEvent]", recorder: Recorder | None) -> Iterator[MarketEvent]:
        while waiting and not self.closed:
            event = waiting.popleft()
            if recorder is not None:
                recorder.took(event.receive_us)
            yield event

    def progress(self) -> float | None:
        return None

    def close(self) -> None:
        self.closed = True
        self.end_recording()


class _Feed:
    def __init__(self, config: Config) -> None:
        self._config = config

    def open(self, request: FeedRequest) -> ScriptedSource:
        return ScriptedSource(self._config, request)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``scripted``."""
    return [FeedSpec(name="scripted", summary="a script of live messages", config=Config, build=_Feed, live=True)]
