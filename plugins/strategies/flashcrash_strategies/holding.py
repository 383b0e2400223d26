"""What to do about one position: age its entry order, keep the target resting, leave when an exit rule fires.

The rules of caution, in one place: lots that an open sell order may still sell are never offered twice, and an order of unknown
fate counts as open. Leaving cancels what rests first (our own bid must not meet our own sale), then takes with a collar until flat.
Nothing here looks at ``moment.blocked``: faults block entries, never exits.
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from flashcrash_core.api import Cancel, Exit, Intent, Moment, Order, OrderState, OrderType, Position, Side
from flashcrash_strategies.config import PercentileConfig
from flashcrash_strategies.exits import ExitView, Note, climax_active, first_exit, track_trailing_stop
from flashcrash_strategies.levels import break_even_ticks, collared_ticks, decayed_fraction, exit_ticks

__all__ = ["BarSigns", "manage", "target_order"]

_TAKING: Final = frozenset({OrderType.LIMIT_IOC, OrderType.MARKET})
"""Orders that end by themselves; a cancel could only arrive too late."""


@frozen
class BarSigns:
    """What the exit rules need of the bars."""

    bad_bar_end_us: int
    """End of the newest bar with rule 3's sign; 0 before the first."""
    mean_range: float
    """ATR in ticks; NaN before the first bar."""


def manage(position: Position, note: Note, moment: Moment, signs: BarSigns, config: PercentileConfig) -> list[Intent]:
    """Intents for ``position`` now. Changes ``note`` only."""
    orders = [order for order in moment.orders if order.submit.position_id == position.id]
    if note.cancelled_us:
        ids = {order.submit.client_id for order in orders}
        note.cancelled_us = {client_id: at for client_id, at in note.cancelled_us.items() if client_id in ids}
    # Without any bid the last trade has to do: better judged on an old price than left unprotected.
    price = moment.exit_ticks or moment.last_ticks
    if position.held_lots > 0 and price > 0:
        track_trailing_stop(note, position.entry_ticks, price, signs.mean_range, config)
        if not note.pending_exit:
            climax = climax_active(moment, config.pattern_from)
            note.pending_exit = first_exit(ExitView(position, note, price, moment.now_us, signs.bad_bar_end_us, climax), config)
        if note.pending_exit:
            return _leave(position, note, orders, price, moment.now_us, config)
    intents = _age_entry(note, orders, moment.now_us, config)
    if position.held_lots > 0 and price > 0 and config.target and not _entry_alive(orders):
        intents += _keep_target(position, note, orders, price, moment, config)
    return intents


def _leave(
    position: Position, note: Note, orders: Sequence[Order], price: int, now_us: int, config: PercentileConfig
) -> list[Intent]:
    intents: list[Intent] = []
    waiting = False
    for order in orders:
        if order.submit.type in _TAKING:
            continue
        # An order of unknown fate may stay so for many seconds. Its lots stay reserved, the others need not wait for it.
        waiting |= order.state is not OrderState.UNKNOWN
        intents += _cancel(note, order, note.pending_exit, now_us, config)
    free = position.held_lots - _selling_lots(orders)
    if not waiting and free > 0:
        collar = collared_ticks(price, config.collar_bp)
        intents.append(Exit(position.id, free, OrderType.LIMIT_IOC, collar, note.pending_exit))
    return intents


def _age_entry(note: Note, orders: Sequence[Order], now_us: int, config: PercentileConfig) -> list[Intent]:
    intents: list[Intent] = []
    for order in orders:
        submit = order.submit
        if submit.side is Side.BUY and submit.type not in _TAKING and now_us - submit.decided_us >= config.entry_ttl_s * 1e6:
            intents += _cancel(note, order, "ttl", now_us, config)
    return intents


def _keep_target(
    position: Position, note: Note, orders: Sequence[Order], price: int, moment: Moment, config: PercentileConfig
) -> list[Intent]:
    """Rules 6 and 7: cover lots that nothing sells yet, else bring a target down that has decayed."""
    now_us = moment.now_us
    free = position.held_lots - _selling_lots(orders)
    due = config.time_decay and now_us - note.repriced_us >= config.reprice_s * 1e6
    if free <= 0 and not due:
        return []
    kind, target = target_order(position, note, price, moment, config)
    if free > 0:
        note.repriced_us = now_us
        reason = "target" if target >= note.target_ticks else "time_decay"
        return [Exit(position.id, free, kind, target, reason)]
    intents: list[Intent] = []
    for order in orders:
        if order.submit.side is Side.SELL and order.submit.type not in _TAKING and order.submit.price_ticks > target:
            intents += _cancel(note, order, "reprice", now_us, config)
    return intents


def target_order(position: Position, note: Note, price: int, moment: Moment, config: PercentileConfig) -> tuple[OrderType, int]:
    """Type and price of the target now.

    Post-only at the (decayed) target, at or above break-even with fees. If that would take, the better price is taken at once, but
    only where it pays the taker fee too; between the two break-even prices it rests just above the bid.
    """
    fees = moment.fees
    entry_fee_bps = fees.taker_bps if note.taker_entry else fees.maker_bps
    target = break_even_ticks(position.entry_ticks, entry_fee_bps, fees.maker_bps)
    if note.high_ticks:
        fraction = note.exit_fraction
        if config.time_decay:
            held_us = moment.now_us - position.opened_us
            # In steps of the re-pricing interval, so that the first target is the one that passed the edge check.
            step_us = int(config.reprice_s * 1e6)
            if step_us:
                held_us -= held_us % step_us
            fraction = decayed_fraction(fraction, held_us / 1e6, note.decay_fraction, config.decay_s)
        target = max(target, exit_ticks(note.low_ticks, note.high_ticks, fraction))
    if price < target:
        return OrderType.LIMIT_MAKER, target
    taking = max(target, break_even_ticks(position.entry_ticks, entry_fee_bps, fees.taker_bps))
    return (OrderType.LIMIT_IOC, taking) if price >= taking else (OrderType.LIMIT_MAKER, price + 1)


def _entry_alive(orders: Sequence[Order]) -> bool:
    return any(order.submit.side is Side.BUY and order.state is not OrderState.UNKNOWN for order in orders)


def _selling_lots(orders: Sequence[Order]) -> int:
    return sum(order.remaining_lots for order in orders if order.submit.side is Side.SELL)


def _cancel(note: Note, order: Order, reason: str, now_us: int, config: PercentileConfig) -> list[Intent]:
    """A cancel, once; again only when the order is still open ``cancel_retry_s`` later with no cancel on its way."""
    client_id = order.submit.client_id
    asked_us = note.cancelled_us.get(client_id)
    if order.state is OrderState.CANCELLING or (asked_us is not None and now_us - asked_us < config.cancel_retry_s * 1e6):
        return []
    note.cancelled_us[client_id] = now_us
    return [Cancel(client_id, reason)]
