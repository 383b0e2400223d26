"""The reference build of the streaming benchmark: the same work and the same decisions, without a cared-for hot path.

What such a framework looks like when it is written the obvious way: ``json.loads`` for each line, one attrs object for each
message, prices through ``Decimal`` to ticks with nothing remembered, and one pluggy hook call for each message that reaches a
plugin per concern: engine (book and features), eight indicators, detector, strategy, journal. Another hook call per grid row
reaches the indicators and the journal.

Two forms. *On the grid*: the indicators ignore messages and are evaluated at rows, as the product does it; what differs from
the product is decoding, objects, number conversion and dispatch, nothing else. *Per message* (``per_message=True``): the
indicators also work in the hook that reaches them, as a loop without a grid has them do. They are evaluated on the newest row,
with programs of their own, and what they read is thrown away, so that decisions still come from the grid and can be compared;
a real build of this kind would have to bring its windows up to date at each message as well, so this understates it.

Formulas, detector, strategy, money and matching are the product's own classes, so that both builds can be held to the same feature
rows, judged values and decisions; what differs is decoding, objects, number conversion and dispatch.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pluggy

from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.market import events
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.runtime.composition import Composition
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.session import Session
from flashcrash_core.trading.execution import Executor
from flashcrash_core.trading.orders import CancelOrder, SubmitOrder, VenueNotice

__all__ = ["HookSession", "VenueOfMessages", "messages"]

hookspec = pluggy.HookspecMarker("hook_per_message")
hookimpl = pluggy.HookimplMarker("hook_per_message")


@attrs.frozen
class Message:
    """What every message carries; times in microseconds."""

    symbol: str
    seq: int
    exchange_us: int | None
    receive_us: int


@attrs.frozen
class Print(Message):
    """A trade."""

    trade_id: int
    price_ticks: int
    qty_lots: int
    aggressor: events.Side


@attrs.frozen
class Picture(Message):
    """A whole book."""

    update_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


@attrs.frozen
class Diff(Message):
    """Changed levels of a book."""

    first_id: int
    last_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    prev_id: int | None = None
    continuity: events.Continuity = events.Continuity.SPOT


@attrs.frozen
class Quote(Message):
    """Best bid and ask."""

    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


_STRUCTS: dict[type, Any] = {
    Print: events.Trade, Picture: events.BookSnapshot, Diff: events.BookDelta, Quote: events.BestQuote,
}  # fmt: skip


def messages(paths: Sequence[Path], instrument: Instrument) -> Iterator[Any]:
    """All messages of spot captures of one symbol, in order. Raises ValueError for a price off the grid or an unknown message."""
    seq = 0
    for path in paths:
        with gzip.open(path, "rt") as lines:
            for line in lines:
                stamp, text = line.split(" ", 1)
                message = json.loads(text)
                seq += 1
                yield _decode(message.get("data", message), seq, int(stamp) // 1000, instrument)


def _decode(data: dict[str, Any], seq: int, receive_us: int, instrument: Instrument) -> Message:
    kind = data.get("e")
    if kind == "depthUpdate":
        bids, asks = _levels(data["b"], instrument), _levels(data["a"], instrument)
        return Diff(data["s"], seq, _us(data["E"]), receive_us, data["U"], data["u"], bids, asks)
    if kind == "trade":
        aggressor = events.Side.SELL if data["m"] else events.Side.BUY
        lots = _lots(data["q"], instrument)
        return Print(data["s"], seq, _us(data["T"]), receive_us, data["t"], _ticks(data["p"], instrument), lots, aggressor)
    if "B" in data:
        return Quote(
            data["s"], seq, None, receive_us, data["u"],
            _ticks(data["b"], instrument), _lots(data["B"], instrument),
            _ticks(data["a"], instrument), _lots(data["A"], instrument),
        )  # fmt: skip
    if "lastUpdateId" in data:
        bids, asks = _levels(data["bids"], instrument), _levels(data["asks"], instrument)
        return Picture(instrument.symbol, seq, None, receive_us, data["lastUpdateId"], bids, asks)
    raise ValueError(f"message {seq}: no spot market message: {str(data)[:80]}")


def _us(stamp: int) -> int:
    return stamp if stamp >= 10**14 else stamp * 1000


def _ticks(text: str, instrument: Instrument) -> int:
    price = Decimal(text)
    ticks = int(price / instrument.tick_size)
    if ticks * instrument.tick_size != price:
        raise ValueError(f"price {text} is not on the grid of {instrument.tick_size}")
    return ticks


def _lots(text: str, instrument: Instrument) -> int:
    """Rounded down, to one lot at least, as Instrument.level_lots does for what is finer than a lot."""
    quantity = Decimal(text)
    lots = int(quantity / instrument.lot_size)
    return max(lots, 1) if quantity else 0


def _levels(pairs: list[list[str]], instrument: Instrument) -> list[tuple[int, int]]:
    return [(_ticks(price, instrument), _lots(quantity, instrument)) for price, quantity in pairs]


class Hooks:
    """The calls that reach every plugin: what the design rules out on the hot path."""

    @hookspec
    def on_message(self, message: Any) -> None:
        """Called for every message."""

    @hookspec
    def on_row(self, row: FeatureRow) -> None:
        """Called for every row of the 100 ms grid."""


class AttrsAccumulator(FeatureAccumulator):
    """The product's features over attrs messages, told apart by a chain of isinstance."""

    def apply(self, event: Any, act_us: int) -> None:
        """Let an admitted message act."""
        latency_us = self.clock.latency_us
        if latency_us >= 0:
            self._timed += 1
            if latency_us > 500_000:
                self._slow += 1
        if isinstance(event, Diff):
            self._on_delta(event, act_us)  # type: ignore[arg-type]
        elif isinstance(event, Picture):
            self._on_snapshot(event, act_us)  # type: ignore[arg-type]
        elif isinstance(event, Print):
            self._on_trade(event, act_us)  # type: ignore[arg-type]
        elif isinstance(event, Quote):
            self._on_quote(event, act_us)  # type: ignore[arg-type]

    def apply_late(self, event: Any) -> None:
        """The product's own rule for what comes late."""
        super().apply_late(_STRUCTS[type(event)](*attrs.astuple(event, recurse=False)))


class HookPanel(Panel):
    """Asks the indicators through one hook call per row; they write into ``pairs``."""

    hooks: Any = None

    def on_row(self, row: FeatureRow) -> None:
        """All indicators of this row."""
        self.hooks.on_row(row=row)


class HookLane(Lane):
    """A lane over attrs messages whose panel asks through hooks. Rows, detector and strategy are driven as in the product."""

    def __init__(self, session: "HookSession", lane: Lane) -> None:
        super().__init__(lane.setup, session._on_transition, session)
        setup = lane.setup
        self.market = AttrsAccumulator(setup.instrument, has_book=setup.has_book, source_is_mid=setup.source_is_mid)
        self.panel = HookPanel(self.panel.entries)
        self.panel.hooks = session.hooks


class Engine:
    """Plugin: book, features, rows."""

    def __init__(self, session: "HookSession") -> None:
        self._session = session

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Let the message act; the rows that it closes reach the other plugins through ``on_row``."""
        session = self._session
        lane = session.lanes[message.symbol]
        session.accepted = lane.on_market(message)
        if session.accepted:
            session.now_us = max(session.now_us, lane.now_us)


class IndicatorPlugin:
    """Plugin: one indicator. On the grid it wants rows, but a hook per message reaches it all the same."""

    def __init__(self, lane: HookLane, index: int, entry: PanelEntry, eager: PanelEntry | None) -> None:
        self._panel, self._index, self._own = lane.panel, index, Panel((entry,))
        self._eager = None if eager is None else Panel((eager,))
        self._row: FeatureRow | None = None
        self.seen: Any = None

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Nothing to do between rows on the grid; per message, evaluate the formula."""
        self.seen = message
        if self._eager is not None and self._row is not None:
            self._eager.on_row(self._row)

    @hookimpl
    def on_row(self, row: FeatureRow) -> None:
        """Evaluate the formula."""
        self._row = row
        self._own.on_row(row)
        self._panel.pairs[self._index] = self._own.pairs[0]
        if self._own.faults:
            self._panel.faults.extend(self._own.faults)
            self._own.faults.clear()


class DetectorPlugin:
    """Plugin: watches whether a state machine is awake, at every message."""

    def __init__(self, session: "HookSession") -> None:
        self._session = session
        self.awake = False

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Tell the strategy whether it must look."""
        self.awake = self._session.accepted and self._session.lanes[message.symbol].awake


class StrategyPlugin:
    """Plugin: decides at every message while awake."""

    def __init__(self, session: "HookSession", detector: DetectorPlugin) -> None:
        self._session, self._detector = session, detector

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Look, decide, hand to the risk gate: the session's own code."""
        if self._detector.awake:
            self._session._act(self._session.lanes[message.symbol], message)


class Journal:
    """Plugin: counts what came, by kind, and the rows."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Count it."""
        self.counts[type(message).__name__] += 1

    @hookimpl
    def on_row(self, row: FeatureRow) -> None:  # noqa: ARG002 (the hook's signature)
        """Count it."""
        self.counts["row"] += 1


class HookSession(Session):
    """The product's session with hook calls where it has direct ones. One symbol."""

    def __init__(self, composition: Composition, *, per_message: bool = False) -> None:
        super().__init__(composition.session.setup)
        self.accepted = False
        self.plugins = pluggy.PluginManager("hook_per_message")
        self.plugins.add_hookspecs(Hooks)
        self.hooks = self.plugins.hook
        (symbol,) = self.lanes
        lane = HookLane(self, self.lanes[symbol])
        self.lanes[symbol] = lane
        detector = DetectorPlugin(self)
        entries = lane.panel.entries
        eager = lane.setup.entries() if per_message else [None] * len(entries)
        indicators = [
            IndicatorPlugin(lane, index, entry, twin)
            for index, (entry, twin) in enumerate(zip(entries, eager, strict=True))
            if not entry.inactive
        ]
        # pluggy calls the last registered first.
        for plugin in reversed([Engine(self), *indicators, detector, StrategyPlugin(self, detector), Journal()]):
            self.plugins.register(plugin)

    def on_event(self, event: Any) -> bool:
        """One hook call per message; answers of the venue go the product's way."""
        if isinstance(event, VenueNotice):
            return super().on_event(event)
        self.seq += 1
        self.hooks.on_message(message=event)
        return bool(self.output.records or self.output.commands)


class VenueOfMessages:
    """An executor that is shown attrs messages: it turns them into the product's events while orders are open."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner
        self.due, self.pending, self.snapshot, self.restore = inner.due, inner.pending, inner.snapshot, inner.restore

    def submit(self, order: SubmitOrder) -> None:
        """Take an order."""
        self._inner.submit(order)

    def cancel(self, cancel: CancelOrder) -> None:
        """Take a cancel request."""
        self._inner.cancel(cancel)

    def on_market(self, event: Any, now_us: int) -> None:
        """Show the event to the matching while it has orders."""
        if self._inner.pending():
            self._inner.on_market(_STRUCTS[type(event)](*attrs.astuple(event, recurse=False)), now_us)
