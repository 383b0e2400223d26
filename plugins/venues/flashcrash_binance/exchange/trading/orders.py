"""Orders, order lists and trades as the exchange holds them. Prices are ticks, quantities lots, amounts atoms."""

from typing import Final

from attrs import define, field, frozen

from flashcrash_core.api import LiveOrder, Side

__all__ = ["ALGO_TYPES", "LIMIT_TYPES", "Lock", "Order", "OrderList", "TradeRecord"]

LIMIT_TYPES: Final = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
ALGO_TYPES: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED"})


@define(eq=False)
class Lock:
    """An amount set aside; the legs of an OCO share one."""

    asset: str
    amount: int


@frozen
class TradeRecord:
    """One fill of ours."""

    trade_id: int
    order_id: int
    list_id: int
    symbol: str
    side: Side
    price_ticks: int
    qty_lots: int
    base_atoms: int
    quote_atoms: int
    commission: int
    commission_asset: str
    maker: bool
    at_us: int


@define(eq=False)
class OrderList:
    """An OCO pair."""

    list_id: int
    client_id: str
    symbol: str
    orders: tuple[int, int]
    at_us: int
    done: bool = False


@define(eq=False, kw_only=True)
class Order:
    """One order from its acceptance on."""

    order_id: int
    client_id: str
    symbol: str
    side: Side
    type: str
    time_in_force: str
    price_ticks: int
    qty_lots: int
    """0 for an order by ``quoteOrderQty`` until it is matched."""
    stop_ticks: int = 0
    quote_order_atoms: int = 0
    stp_mode: str
    list_id: int = -1
    strategy_id: int | None = None
    strategy_type: int | None = None
    status: str = "NEW"
    filled_lots: int = 0
    filled_quote: int = 0
    prevented_lots: int = 0
    short: bool = False
    """By quote quantity, of which the book did not have enough."""
    expiry_reason: str = ""
    created_us: int
    updated_us: int
    working_us: int | None = None
    """Since when it can trade; None for a stop that waits."""
    visible_us: int = 0
    """When the read replicas have it."""
    lock: Lock | None = None
    live: LiveOrder | None = None
    """Its place in the queue while it rests."""
    trades: list[TradeRecord] = field(factory=list)

    @property
    def open(self) -> bool:
        """Not ended yet."""
        return self.status in _OPEN

    @property
    def waits(self) -> bool:
        """A stop or take-profit that has not been triggered."""
        return self.type in ALGO_TYPES and self.working_us is None

    @property
    def remaining_lots(self) -> int:
        """Lots still to fill."""
        return self.qty_lots - self.filled_lots - self.prevented_lots

    @property
    def limit_ticks(self) -> int:
        """The worst price it takes, 0 for any."""
        return self.price_ticks if self.type in LIMIT_TYPES else 0
