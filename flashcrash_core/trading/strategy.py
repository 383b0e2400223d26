"""The seam for strategies: the moment they are shown and the intents they answer with.

A strategy decides; it does not act. The kernel turns intents into orders after the risk gate, records them, and shows the outcome
in later moments. A strategy must not keep time, do I/O or draw numbers of its own: same state and same moment, same intents.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from attrs import define, field, frozen

from flashcrash_core.detection.scoring import Score
from flashcrash_core.detection.settings import State
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.trading.orders import Order, OrderType
from flashcrash_core.trading.positions import Position

__all__ = ["Cancel", "Enter", "Exit", "Fees", "Intent", "Moment", "NoStrategy", "Refuse", "Strategy"]


@frozen
class Fees:
    """Commission in basis points of notional, charged in quote currency."""

    maker_bps: Decimal = field(default=Decimal(10), converter=Decimal)
    taker_bps: Decimal = field(default=Decimal(10), converter=Decimal)


@frozen
class Enter:
    """Open a long position. The kernel gives it the next position id and the order its client id."""

    price_ticks: int
    qty_lots: int
    type: OrderType
    reason: str
    score: Score | None = None
    notes: dict[str, Any] = field(factory=dict)
    """Handed back to the strategy through ``Strategy.on_entered``."""


@frozen
class Exit:
    """Sell lots of a position; always reduce-only, never blocked by data faults."""

    position_id: int
    qty_lots: int
    type: OrderType
    price_ticks: int
    reason: str


@frozen
class Cancel:
    """Cancel one of this strategy's open orders."""

    client_id: str
    reason: str


@frozen
class Refuse:
    """A considered entry that was not made; counted by reason and part of the decision hash."""

    reason: str
    score: Score | None = None
    detail: str = ""


Intent = Enter | Exit | Cancel | Refuse


@define
class Moment:
    """What a strategy may know at one event. Read it, do not keep it: the kernel reuses the object.

    ``bar`` is the newest closed 1-s bar and ``bar_is_new`` whether this is the first moment that shows it. ``blocked`` says
    why no entry is allowed now ("" = allowed): a state, data fault, flapping, collapse. Exits are always allowed.
    ``score`` asks the scorer about an entry: ``score(entry_price, target_price, order_notional)`` in quote currency.
    """

    symbol: str
    instrument: Instrument
    fees: Fees
    score: Callable[[float, float, float], Score]
    has_book: bool
    now_us: int = 0
    state: State = State.SLEEP
    blocked: str = ""
    bid_ticks: int = 0
    ask_ticks: int = 0
    last_ticks: int = 0
    trade: tuple[int, int] | None = None
    """``(price_ticks, qty_lots)`` of the trade that this moment is about; None at any other event."""
    bar: Bar | None = None
    bar_is_new: bool = False
    readings: Mapping[str, float] = field(factory=dict)
    """Judged value by indicator instance at the last row; missing ones are absent."""
    fired: Mapping[str, bool] = field(factory=dict)
    statistics: Mapping[str, Mapping[str, float]] = field(factory=dict)
    """Named statistics by instance (``{"candle_patterns": {"climax": 1.0}}``); missing ones are absent."""
    positions: Sequence[Position] = ()
    """This symbol's positions that hold lots or have an open order: frozen copies."""
    orders: Sequence[Order] = ()
    """This symbol's open orders: frozen copies."""
    open_positions: int = 0
    """Positions over all symbols, entries in flight included."""
    equity_minor: int = 0
    cash_minor: int = 0
    """Quote currency not bound in positions or open entry orders."""
    row_us: int = 0
    """Time of the row that ``readings``, ``fired`` and ``statistics`` belong to."""

    @property
    def exit_ticks(self) -> int:
        """The price one could sell at now: best bid, or the last trade when the run has no book."""
        return self.bid_ticks if self.has_book else self.last_ticks


class Strategy(Protocol):
    """A built strategy plugin, one instance per symbol."""

    def on_bar(self, bar: Bar) -> None:
        """Every closed 1-s bar, in every state, before the moment that shows it."""
        ...

    def decide(self, moment: Moment) -> Sequence[Intent]:
        """Called while the state allows entries, or an order or position is open, at every event. Must be fast and pure."""
        ...

    def on_entered(self, position: Position, intent: Enter) -> None:
        """The kernel accepted ``intent`` as ``position``."""
        ...

    def on_closed(self, position: Position, pnl_minor: int) -> None:
        """``position`` is flat and has no open order; ``pnl_minor`` is net of fees (0 lots bought: it never filled)."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """State as plain, msgpack-able data."""
        ...

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        ...


class NoStrategy:
    """Decides nothing: for runs that only detect."""

    def on_bar(self, bar: Bar) -> None:
        """Nothing to keep."""

    def decide(self, moment: Moment) -> Sequence[Intent]:
        """Never an intent."""
        return ()

    def on_entered(self, position: Position, intent: Enter) -> None:
        """Never happens."""

    def on_closed(self, position: Position, pnl_minor: int) -> None:
        """Never happens."""

    def snapshot(self) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def restore(self, data: dict[str, Any]) -> None:
        """Nothing to take back."""
