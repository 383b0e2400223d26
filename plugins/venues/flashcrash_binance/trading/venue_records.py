"""What Binance says about orders, fills and balances, in integer ticks, lots and minor units.

Made by ``order_answers`` and ``user_events`` only. Amounts of assets (balances, commissions) are exact decimals, as an asset has no
grid. Times are microseconds of the venue's clock. ``off_grid`` marks a price or quantity finer than our grid: the venue coarsened
its grid while an older order was resting. Then prices are rounded against us, and quantities down.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import frozen

from flashcrash_core.api import Side, VenueError

__all__ = [
    "Account",
    "Balance",
    "BalanceChange",
    "Balances",
    "ExecutionReport",
    "ForeignOrder",
    "ListStatus",
    "MalformedAnswer",
    "OtherEvent",
    "PlacedList",
    "PlacedOrder",
    "ReplacedOrder",
    "ServerShutdown",
    "StreamEnded",
    "VenueFill",
    "VenueOrder",
    "VenueStatus",
]


class MalformedAnswer(VenueError):
    """An answer that is not the protocol's. The order it was about may or may not live: query it."""


class VenueStatus(StrEnum):
    """Status of an order as the venue words it."""

    NEW = "NEW"
    PENDING_NEW = "PENDING_NEW"
    """Leg of a list that waits for another order."""
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    """Ended by self-trade prevention."""

    @property
    def final(self) -> bool:
        """The order can fill no more."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {
        VenueStatus.FILLED,
        VenueStatus.CANCELED,
        VenueStatus.REJECTED,
        VenueStatus.EXPIRED,
        VenueStatus.EXPIRED_IN_MATCH,
    }
)


@frozen(kw_only=True)
class VenueOrder:
    """An order as the venue has it. ``filled_lots`` and ``quote_minor`` are cumulative."""

    client_id: str
    """The order's own client id, also where the answer is about its cancel."""
    order_id: int
    status: VenueStatus
    qty_lots: int
    filled_lots: int
    quote_minor: int
    update_us: int
    symbol: str
    side: Side
    type: str
    """The venue's word: LIMIT, MARKET, STOP_LOSS ..."""
    time_in_force: str
    price_ticks: int
    """0 where it has none."""
    stop_ticks: int
    """0 where it has none."""
    list_id: int = -1
    """The order list it is a leg of, -1 for none."""
    expiry_reason: str = ""
    off_grid: bool = False


@frozen(kw_only=True)
class VenueFill:
    """One trade of one order. ``trade_id`` is unique per symbol: the same fill may be told several times."""

    client_id: str
    """"" where the answer does not say (trades of an order that is not among ours)."""
    order_id: int
    trade_id: int
    price_ticks: int
    qty_lots: int
    """0 only with ``off_grid``, for a sliver smaller than a lot; what is left over goes into the next fill of the order."""
    commission: Decimal
    """Exact, in units of :attr:`commission_asset`."""
    commission_asset: str
    """"" only where the commission is zero."""
    maker: bool
    ts_us: int
    symbol: str
    side: Side
    off_grid: bool = False


@frozen(kw_only=True)
class PlacedOrder:
    """The answer to a new order. ``order`` is None for an answer of type ACK: accepted, and nothing else known."""

    client_id: str
    order_id: int
    transact_us: int
    order: VenueOrder | None = None
    fills: tuple[VenueFill, ...] = ()


@frozen(kw_only=True)
class ReplacedOrder:
    """The answer to a cancel-replace: each half has its order, or the code and text of its refusal, or was not attempted."""

    cancelled: VenueOrder | None = None
    cancel_code: int | None = None
    cancel_message: str = ""
    placed: PlacedOrder | None = None
    place_code: int | None = None
    place_message: str = ""
    attempted: bool = True
    """False: the new order was not attempted, as the cancel failed."""


@frozen(kw_only=True)
class PlacedList:
    """An order list (OCO). ``orders`` is empty where the answer names the legs without telling their state."""

    list_id: int
    list_client_id: str
    status: str
    """``EXEC_STARTED``, ``ALL_DONE``, ``REJECT`` ..."""
    legs: Mapping[str, int]
    """Order ids by client id."""
    orders: tuple[VenueOrder, ...] = ()


@frozen(kw_only=True)
class ForeignOrder:
    """An order in a symbol that the run does not trade: somebody else's, counted and never touched."""

    symbol: str
    client_id: str
    order_id: int
    status: VenueStatus


@frozen(kw_only=True)
class ExecutionReport:
    """One step in the life of an order, told by the user data stream; it may come before the reply, twice, late or never."""

    execution: str
    """``NEW CANCELED REPLACED REJECTED TRADE EXPIRED TRADE_PREVENTION``."""
    execution_id: int
    order: VenueOrder
    fill: VenueFill | None
    """The trade of this step, None for other steps."""
    cancel_id: str
    """Client id of the cancel that ended the order, "" for other steps."""
    reject_reason: str
    """``NONE`` where nothing was rejected."""
    on_book: bool
    event_us: int

    @property
    def client_id(self) -> str:
        """The order's own client id: already mapped where a cancel's name stands in its place."""
        return self.order.client_id


@frozen
class Balance:
    """Amounts of one asset, exact."""

    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """What the account holds."""
        return self.free + self.locked


@frozen(kw_only=True)
class Balances:
    """Absolute balances by asset at one time. ``complete``: what is not listed is zero; otherwise it is not known."""

    by_asset: Mapping[str, Balance]
    update_us: int
    complete: bool


@frozen(kw_only=True)
class Account:
    """The account: balances, whether it may trade, and its rates as fractions of the notional (0.001 is 10 bps)."""

    balances: Balances
    can_trade: bool
    uid: int
    maker_rate: Decimal
    taker_rate: Decimal


@frozen(kw_only=True)
class BalanceChange:
    """A deposit, withdrawal or transfer; ``delta`` is signed."""

    asset: str
    delta: Decimal
    ts_us: int


@frozen(kw_only=True)
class ListStatus:
    """A change of an order list as a whole."""

    list_id: int
    list_client_id: str
    symbol: str
    status: str
    reject_reason: str
    legs: Mapping[str, int]
    ts_us: int


@frozen
class StreamEnded:
    """The user data stream of a subscription has ended; nothing more comes until a new subscription."""

    ts_us: int


@frozen
class ServerShutdown:
    """The server is about to close the connection."""

    ts_us: int


@frozen
class OtherEvent:
    """An event that this version has no use for; counted by name."""

    name: str
