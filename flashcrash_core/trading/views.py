"""What strategies are shown of the kernel's own objects: frozen copies, and a moment that is frozen while they look at it.

A strategy that tries to change an order, a position or the moment gets an error, which is a fault of the strategy. One that gets
around the error changes a copy: no order, position or amount of the kernel is within its reach.
"""

from typing import Any, Never

from flashcrash_core.trading.orders import Order
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Moment

__all__ = ["freeze_moment", "frozen_order", "frozen_position", "thaw_moment"]


def _refuse(self: object, name: str, *_value: Any) -> Never:
    raise AttributeError(f"{type(self).__mro__[1].__name__}.{name} belongs to the kernel; a strategy may only read it")


class _FrozenMoment(Moment):
    __slots__ = ()
    __setattr__ = _refuse
    __delattr__ = _refuse


class _FrozenOrder(Order):
    __slots__ = ()
    __setattr__ = _refuse
    __delattr__ = _refuse


class _FrozenPosition(Position):
    __slots__ = ()
    __setattr__ = _refuse
    __delattr__ = _refuse


_set = object.__setattr__


def freeze_moment(moment: Moment) -> None:
    """Nobody can assign to ``moment`` until :func:`thaw_moment`. Costs a tenth of a copy."""
    _set(moment, "__class__", _FrozenMoment)


def thaw_moment(moment: Moment) -> None:
    """The kernel may assign again."""
    _set(moment, "__class__", Moment)


def frozen_order(order: Order) -> Order:
    """A copy that nobody can change."""
    copy = Order(
        order.submit, order.state, order.filled_lots, order.notional_units, order.fee_minor, order.updated_us, order.late_fill,
        frozenset(order.trade_ids),  # type: ignore[arg-type]
    )  # fmt: skip
    _set(copy, "__class__", _FrozenOrder)
    return copy


def frozen_position(position: Position) -> Position:
    """A copy that nobody can change."""
    p = position
    copy = Position(
        p.id, p.symbol, p.entry_client_id, p.bought_lots, p.bought_units, p.sold_lots, p.sold_units, p.fee_minor, p.opened_us,
        p.closed_us, p.exit_reason, p.cost_of_sold,
    )  # fmt: skip
    _set(copy, "__class__", _FrozenPosition)
    return copy
