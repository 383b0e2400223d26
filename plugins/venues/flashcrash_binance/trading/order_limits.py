"""How many requests and orders may go out now (reference/binance.md section 8).

Binance counts in fixed windows of its own clock, shared by all that use the address (weight) or the account (orders). So our own
count is only a lower bound: what it tells with each answer corrects it, and requests under way are added. A fifth is kept back
for those that must always get through: cancels, closing orders and reconciliation. When it says 429 or 418 nothing goes until the
time it told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from attrs import define, field, frozen

from flashcrash_binance.request_weight import retry_wait_s, told_count
from flashcrash_binance.trading.venue_replies import RateLimit

__all__ = ["DEFAULT_LIMITS", "OrderCall", "OrderLimits"]

OrderCall = Literal[
    "place", "replace", "oco", "cancel", "query", "open_orders", "all_open_orders", "account", "trades", "order_trades",
    "order_count", "average_price", "exchange_info", "time", "subscribe", "logon", "connect",
]  # fmt: skip
"""What is asked of the venue. ``open_orders`` is of one symbol, ``trades`` without an order id, ``connect`` opens a WebSocket."""

_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60 * _SECOND_US
_DAY_US: Final = 86_400 * _SECOND_US
DEFAULT_LIMITS: Final = (
    RateLimit("REQUEST_WEIGHT", _MINUTE_US, 6_000),
    RateLimit("ORDERS", 10 * _SECOND_US, 50),
    RateLimit("ORDERS", _DAY_US, 160_000),
)
"""Until exchangeInfo has told the venue's own."""


@frozen
class _Cost:
    weight: int
    orders: int = 0
    free_if_done: bool = False
    """Costs no weight when it succeeds."""
    must_pass: bool = True
    """May use what is kept back."""


_COSTS: Final[dict[OrderCall, _Cost]] = {
    "place": _Cost(1, orders=1, free_if_done=True, must_pass=False),
    "replace": _Cost(1, orders=1, free_if_done=True, must_pass=False),
    "oco": _Cost(1, orders=2, free_if_done=True, must_pass=False),
    "cancel": _Cost(1, free_if_done=True),
    "query": _Cost(4),
    "open_orders": _Cost(6),
    "all_open_orders": _Cost(80),
    "account": _Cost(20),
    "trades": _Cost(20),
    "order_trades": _Cost(5),
    "order_count": _Cost(40),
    "average_price": _Cost(2, must_pass=False),
    "exchange_info": _Cost(20, must_pass=False),
    "time": _Cost(1),
    "subscribe": _Cost(2),
    "logon": _Cost(2),
    "connect": _Cost(2),
}
_UNITS: Final = ((_DAY_US, "d"), (3_600 * _SECOND_US, "h"), (_MINUTE_US, "m"), (_SECOND_US, "s"))
_HEADERS: Final = {"REQUEST_WEIGHT": "x-mbx-used-weight-", "ORDERS": "x-mbx-order-count-"}


@define(eq=False)
class _Window:
    """One limit and what was used of it in the running window, requests under way not included."""

    kind: str
    interval_us: int
    limit: int
    used: int = 0
    number: int = -1

    def turn(self, now_us: int) -> None:
        number = now_us // self.interval_us
        if number > self.number:
            self.number, self.used = number, 0

    @property
    def end_us(self) -> int:
        return (self.number + 1) * self.interval_us

    def cost(self, cost: _Cost) -> int:
        if self.kind == "REQUEST_WEIGHT":
            return cost.weight
        return cost.orders if self.kind == "ORDERS" else 1

    @property
    def header(self) -> str:
        unit_us, letter = next(unit for unit in _UNITS if self.interval_us % unit[0] == 0)
        return f"{_HEADERS.get(self.kind, 'x-mbx-unknown-')}{self.interval_us // unit_us}{letter}"


def _windows(limits: Iterable[RateLimit]) -> list[_Window]:
    return [_Window(limit.kind, limit.interval_us, limit.limit) for limit in limits]


@define(eq=False)
class OrderLimits:
    """The budget of one account on one address. Times are microseconds of the venue's clock (ours plus the offset).

    Ask :meth:`may_send`, tell :meth:`sent` when it goes, and :meth:`answered` when its answer came, or will not come.
    """

    limits: Iterable[RateLimit] = DEFAULT_LIMITS
    kept_back: float = 0.2
    """Share of each limit that only cancels, closing orders and reconciliation may use."""
    silent_until_us: int = 0
    """Nothing may be sent before: the venue said 429 or 418."""
    orders_silent_until_us: int = 0
    """No new order may be sent before: the account's own limit was reached."""
    refusals: int = 0
    _open: list[_Window] = field(init=False)
    _under_way: Counter[OrderCall] = field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        self._open = _windows(self.limits)

    def use(self, limits: Iterable[RateLimit]) -> None:
        """Take the venue's own limits (exchangeInfo); what was used is kept. Nothing changes where it told none."""
        known = {(window.kind, window.interval_us): window for window in self._open}
        fresh = _windows(limits)
        for window in fresh:
            if before := known.get((window.kind, window.interval_us)):
                window.used, window.number = before.used, before.number
        self._open = fresh or self._open

    def may_send(self, call: OrderCall, now_us: int, closing: bool = False) -> int:
        """0 if it may go now, else the time at which to ask again. ``closing``: it can only reduce what is held."""
        if now_us < self.silent_until_us:
            return self.silent_until_us
        cost = _COSTS[call]
        when_us = self.orders_silent_until_us if cost.orders and now_us < self.orders_silent_until_us else 0
        for window in self._open:
            window.turn(now_us)
            own = window.cost(cost)
            share = 1.0 if closing or cost.must_pass else 1.0 - self.kept_back
            # What is larger than its share goes into a window in which nothing else was sent, or it would never go.
            budget = max(int(window.limit * share), own)
            if own and window.used + self._pending(window) + own > budget:
                when_us = max(when_us, window.end_us)
        return when_us

    def sent(self, call: OrderCall) -> None:
        """A request goes out; it counts as used until its answer says what it cost."""
        self._under_way[call] += 1

    def answered(
        self,
        call: OrderCall,
        now_us: int,
        status: int,
        *,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
        limits: Iterable[RateLimit] = (),
        retry_at_us: int | None = None,
    ) -> None:
        """The answer to a request: HTTP status (0 for none) with the headers of REST, or the limits of a WebSocket reply."""
        if self._under_way[call] > 0:
            self._under_way[call] -= 1
        names = {name.lower(): value for name, value in (headers or {}).items()}
        told = {(limit.kind, limit.interval_us): limit for limit in limits}
        cost = _COSTS[call]
        done = 200 <= status < 300
        for window in self._open:
            window.turn(now_us)
            limit = told.get((window.kind, window.interval_us))
            used = limit.used if limit is not None else told_count(names, window.header)
            if limit is not None:
                window.limit = limit.limit
            if not (window.kind == "REQUEST_WEIGHT" and done and cost.free_if_done):
                window.used += window.cost(cost)
            if used is not None:
                # Fills give orders back, so their count may fall; weight only grows, and answers overtake one another.
                window.used = used if window.kind == "ORDERS" else max(used, self._floor(window, cost, done))
        if status in (418, 429):
            self._refused(status, code, names.get("retry-after", ""), retry_at_us, now_us)

    def usage(self, now_us: int) -> list[RateLimit]:
        """Every limit with what was used of it in the running window, requests under way included; for reports."""
        for window in self._open:
            window.turn(now_us)
        return [
            RateLimit(window.kind, window.interval_us, window.limit, window.used + self._pending(window)) for window in self._open
        ]

    def _floor(self, window: _Window, cost: _Cost, done: bool) -> int:
        """What was used before this answer: the venue's count has its cost in it already."""
        own = 0 if done and cost.free_if_done else window.cost(cost)
        return window.used - own

    def _pending(self, window: _Window) -> int:
        return sum(window.cost(_COSTS[call]) * count for call, count in self._under_way.items())

    def _refused(self, status: int, code: int | None, retry_after: str, retry_at_us: int | None, now_us: int) -> None:
        self.refusals += 1
        until_us = retry_at_us if retry_at_us is not None else now_us + int(retry_wait_s(retry_after) * _SECOND_US)
        if status == 429 and code == -1015:  # the account's orders: cancels and questions may go on
            self.orders_silent_until_us = max(self.orders_silent_until_us, until_us)
        else:
            self.silent_until_us = max(self.silent_until_us, until_us)
