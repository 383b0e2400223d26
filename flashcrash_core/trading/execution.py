"""The seam for executors: a port that takes commands at once and answers later, in events.

``submit`` and ``cancel`` never block and never answer; what became of the order arrives as
:class:`~flashcrash_core.trading.orders.VenueNotice` through ``due``. The runner commits the intent to storage before it calls them.
Simulated executors additionally watch the market through ``on_market``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from flashcrash_core.market.bars import Bar
from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.trading.orders import CancelOrder, Order, SubmitOrder, VenueNotice
from flashcrash_core.trading.strategy import Fees

__all__ = ["Executor", "ExecutorContext", "MarketView", "VenueExecutor"]


class MarketView(Protocol):
    """Read-only look at one symbol's market as the engine knows it after the newest event."""

    @property
    def instrument(self) -> Instrument: ...
    @property
    def has_book(self) -> bool: ...
    @property
    def book(self) -> OrderBook:
        """The rebuilt book; meaningful only while :attr:`book_synced`."""
        ...

    @property
    def book_synced(self) -> bool: ...
    @property
    def bid_ticks(self) -> int: ...
    @property
    def ask_ticks(self) -> int: ...
    @property
    def last_ticks(self) -> int: ...
    @property
    def bar(self) -> Bar | None:
        """The newest closed one-second bar; its volume bounds what a taker entry may fill."""
        ...

    @property
    def now_us(self) -> int:
        """The symbol's event-time watermark."""
        ...


@frozen
class ExecutorContext:
    """What an executor is built with. ``next_seq`` numbers its notices in the run's arrival sequence when they are delivered."""

    markets: Mapping[str, MarketView]
    fees: Fees
    seed: int
    next_seq: Callable[[], int]
    fill_model: str
    """M0, M1, M2, M3 or ``auto`` (M2 with a book, else M1)."""
    volatility: Callable[[str], float]
    """sigma_W of a symbol now, per sqrt(second), NaN while missing; for pessimistic taker prices without a book."""
    mode: str = "paper"
    """The run's mode, one of those that the executor declares. In any but ``real`` it connects to no venue and sends nothing."""
    arming: str = ""
    """The token with which the user armed this start; an executor of real money asks for one of its own choice."""


class Executor(Protocol):
    """A built executor plugin."""

    def submit(self, order: SubmitOrder) -> None:
        """Take an order. Never blocks, never raises for a venue's reason."""
        ...

    def cancel(self, cancel: CancelOrder) -> None:
        """Take a cancel request. Idempotent."""
        ...

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        """The engine has applied ``event``; ``now_us`` is the symbol's watermark."""
        ...

    def due(self, now_us: int) -> Sequence[VenueNotice]:
        """Notices whose delivery time is at or before ``now_us``, in order, each delivered once."""
        ...

    def pending(self) -> bool:
        """Whether any order or notice is still on its way (so that asking can be skipped otherwise)."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """State as plain, msgpack-able data."""
        ...

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        ...


@runtime_checkable
class VenueExecutor(Executor, Protocol):
    """An executor that is connected to a venue. The run opens it before the first event and closes it after the last."""

    def open(self, orders: Sequence[Order]) -> Sequence[str]:
        """Connect, look at the account, and return what was proved, in lines for the user. May block.

        ``orders`` are those of a session that is taken up after a crash and had not ended, as its rows tell: what became of them
        is asked for, and comes as notices. Raises VenueError, ConfigError or UsageError when no order must be sent: none was.
        """
        ...

    def close(self) -> None:
        """Let go of everything; open orders stay as they are. Idempotent."""
        ...

    def health(self) -> dict[str, Any]:
        """How the connection and the orders are doing, as plain data for the report."""
        ...
