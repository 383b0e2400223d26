"""Orders: commands that ask for them, notices that prove what became of them, and the one state machine between.

Only venue evidence moves an order past SENT. A timeout is UNKNOWN, never REJECTED: it counts as exposure until a notice
settles it (docs/architecture.md).

::

    INTENT -> SENT -> ACKED -> PARTIAL -> FILLED
                 \\        \\-> CANCELLING -> CANCELLED (or FILLED: the fill wins)
                  \\-> REJECTED | EXPIRED | UNKNOWN -> (any state that the venue proves)
"""

from enum import StrEnum
from typing import Any, Final

import msgspec
from attrs import define, field

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Event, Side

__all__ = [
    "NOT_SENT",
    "OPEN_STATES",
    "STOP_TYPES",
    "UNPRICED_TYPES",
    "CancelOrder",
    "Command",
    "NoticeKind",
    "Order",
    "OrderState",
    "OrderType",
    "SubmitOrder",
    "VenueNotice",
]


class OrderType(StrEnum):
    """Order types used by strategies and executors of this version."""

    LIMIT_MAKER = "LIMIT_MAKER"
    """Post-only: rejected when it would take."""
    LIMIT = "LIMIT"
    """Good till cancelled; takes what crosses on arrival, rests the remainder."""
    LIMIT_IOC = "LIMIT_IOC"
    """Takes up to its price, the remainder expires: the collared exit."""
    MARKET = "MARKET"
    """Takes at any price. Never used by shipped exits (an empty book has no price)."""
    LIMIT_FOK = "LIMIT_FOK"
    """Takes its whole quantity up to its price at once, or nothing."""
    STOP_LOSS = "STOP_LOSS"
    """Rests at the venue and becomes a market order when the price moves against its owner to the stop."""
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    """Becomes a limit order at the stop."""
    TAKE_PROFIT = "TAKE_PROFIT"
    """Becomes a market order when the price moves in its owner's favour to the stop."""
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    """Becomes a limit order at the stop in its owner's favour."""


STOP_TYPES: Final = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
"""Types that wait for a stop price: :attr:`SubmitOrder.stop_ticks`."""
UNPRICED_TYPES: Final = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})
"""Types that trade at any price: their ``price_ticks`` is 0."""


NOT_SENT: Final = frozenset({"venue_unreachable", "rate_limited", "trading_halted"})
"""Reasons of a REJECT by which an executor says that it sent nothing, and that nothing can be sent at present."""


class OrderState(StrEnum):
    """Life of an order."""

    INTENT = "INTENT"
    SENT = "SENT"
    ACKED = "ACKED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


OPEN_STATES: Final = frozenset(
    {
        OrderState.INTENT,
        OrderState.SENT,
        OrderState.ACKED,
        OrderState.PARTIAL,
        OrderState.CANCELLING,
        OrderState.UNKNOWN,
    }
)


class SubmitOrder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Command to an executor. ``client_id`` is derived from session and sequence and never reused."""

    client_id: str
    symbol: str
    side: Side
    type: OrderType
    price_ticks: int
    """0 for types that trade at any price (:data:`UNPRICED_TYPES`)."""
    qty_lots: int
    reduce_only: bool
    position_id: int
    reason: str
    decided_us: int
    stressed: bool
    """Decided outside SLEEP: simulated venues apply crash latency and stress (reference/microstructure.md section 6)."""
    stop_ticks: int = 0
    """Price at which an order of :data:`STOP_TYPES` is triggered, 0 for the others. Left out of stored states when it is 0, so that
    they are those of earlier versions."""


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Command to cancel an open order."""

    client_id: str
    symbol: str
    reason: str
    decided_us: int
    stressed: bool


Command = SubmitOrder | CancelOrder


class NoticeKind(StrEnum):
    """What a venue can prove about an order."""

    ACK = "ACK"
    REJECT = "REJECT"
    FILL = "FILL"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    CANCEL_REJECT = "CANCEL_REJECT"
    UNKNOWN = "UNKNOWN"
    """Not proof but its absence: the reply did not come."""


class VenueNotice(Event, frozen=True, gc=False, tag=True, array_like=True):
    """The venue's word on an order; the only way answers reach the session.

    ``exchange_us`` is when it happened at the venue, ``receive_us`` when it reaches the session, both in the symbol's event time.
    A FILL carries price, quantity, fee in minor units of quote currency, whether we were the maker, and the venue's trade id. Where
    the venue keeps its commission out of what was bought, ``fee_lots`` says how many of the lots that is: they are never held, and
    cost what they were bought for. ``fee_minor`` is then what was charged besides.
    """

    kind: NoticeKind
    client_id: str
    price_ticks: int = 0
    qty_lots: int = 0
    fee_minor: int = 0
    maker: bool = False
    trade_id: int = 0
    reason: str = ""
    fee_lots: int = 0


_S = OrderState
_LEGAL: Final[dict[NoticeKind, frozenset[OrderState]]] = {
    NoticeKind.ACK: frozenset({_S.SENT, _S.UNKNOWN, _S.CANCELLING}),
    NoticeKind.REJECT: frozenset({_S.SENT, _S.UNKNOWN, _S.CANCELLING}),
    NoticeKind.FILL: frozenset({_S.SENT, _S.ACKED, _S.PARTIAL, _S.CANCELLING, _S.UNKNOWN, _S.CANCELLED, _S.EXPIRED}),
    NoticeKind.CANCELLED: frozenset({_S.SENT, _S.ACKED, _S.PARTIAL, _S.CANCELLING, _S.UNKNOWN}),
    NoticeKind.EXPIRED: frozenset({_S.SENT, _S.ACKED, _S.PARTIAL, _S.CANCELLING, _S.UNKNOWN}),
    NoticeKind.CANCEL_REJECT: frozenset({_S.CANCELLING, _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED, _S.UNKNOWN}),
    NoticeKind.UNKNOWN: frozenset({_S.SENT, _S.ACKED, _S.PARTIAL, _S.CANCELLING}),
}


@define
class Order:
    """An order as the session knows it. ``filled_lots`` and ``notional_units`` (tick x lot) only grow."""

    submit: SubmitOrder
    state: OrderState = OrderState.INTENT
    filled_lots: int = 0
    notional_units: int = 0
    fee_minor: int = 0
    updated_us: int = 0
    late_fill: bool = False
    """A fill arrived after the order had ended; it was applied and must be alarmed."""
    trade_ids: set[int] = field(factory=set)

    @property
    def open(self) -> bool:
        """May still trade, as far as the venue has proved."""
        return self.state in OPEN_STATES

    @property
    def remaining_lots(self) -> int:
        """Worst-case quantity that may still fill: zero once the venue has ended the order."""
        return self.submit.qty_lots - self.filled_lots if self.open else 0

    def sent(self) -> None:
        """The command went to the executor."""
        self._require(self.state is OrderState.INTENT, "sent")
        self.state = OrderState.SENT

    def cancelling(self) -> None:
        """A cancel went to the executor."""
        self._require(self.open, "cancelling")
        if self.state is not OrderState.UNKNOWN:
            self.state = OrderState.CANCELLING

    def apply(self, notice: VenueNotice, at_us: int) -> bool:
        """Apply the venue's word; returns False for a duplicate fill. Raises :class:`InvariantError` on an illegal step."""
        kind = notice.kind
        if kind is NoticeKind.FILL and notice.trade_id in self.trade_ids:
            return False
        self._require(self.state in _LEGAL[kind], kind.value)
        self.updated_us = at_us
        match kind:
            case NoticeKind.ACK:
                if self.state is not OrderState.CANCELLING:
                    self.state = OrderState.PARTIAL if self.filled_lots else OrderState.ACKED
            case NoticeKind.REJECT:
                self._require(not self.filled_lots, "REJECT after a fill")
                self.state = OrderState.REJECTED
            case NoticeKind.FILL:
                self._fill(notice)
            case NoticeKind.CANCELLED:
                self.state = OrderState.CANCELLED
            case NoticeKind.EXPIRED:
                self.state = OrderState.EXPIRED
            case NoticeKind.CANCEL_REJECT:
                if self.state is OrderState.CANCELLING:
                    self.state = OrderState.PARTIAL if self.filled_lots else OrderState.ACKED
            case NoticeKind.UNKNOWN:
                self.state = OrderState.UNKNOWN
        return True

    def _fill(self, notice: VenueNotice) -> None:
        self._require(notice.qty_lots > 0, "FILL of nothing")
        self._require(self.filled_lots + notice.qty_lots <= self.submit.qty_lots, "FILL above the order's quantity")
        of_the_buyer = self.submit.side is Side.BUY or not notice.fee_lots
        self._require(of_the_buyer and 0 <= notice.fee_lots <= notice.qty_lots, "FILL with a fee in lots that cannot be")
        self.trade_ids.add(notice.trade_id)
        self.filled_lots += notice.qty_lots
        self.notional_units += notice.price_ticks * notice.qty_lots
        self.fee_minor += notice.fee_minor
        if not self.open:
            self.late_fill = True
        elif self.filled_lots == self.submit.qty_lots:
            self.state = OrderState.FILLED
        elif self.state not in (OrderState.CANCELLING, OrderState.UNKNOWN):
            self.state = OrderState.PARTIAL

    def _require(self, legal: bool, step: str) -> None:
        if not legal:
            raise InvariantError(
                f"order {self.submit.client_id} ({self.submit.symbol}): {step} is illegal in state {self.state} "
                f"with {self.filled_lots} of {self.submit.qty_lots} lots filled; the executor's notices contradict themselves"
            )

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "submit": msgspec.to_builtins(self.submit),
            "state": str(self.state),
            "plain": [self.filled_lots, self.notional_units, self.fee_minor, self.updated_us, self.late_fill],
            "trade_ids": sorted(self.trade_ids),
        }
