"""What may become of an order: quantity, price, post-only, immediacy, fees, and an end."""

from collections import Counter
from typing import Final

from flashcrash_core.market.events import Side
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.executor.desk import ENDS_WITHIN_US, FEES
from flashcrash_core.testing.checks.executor.runs import all_runs, exit_runs, order_runs, simulated
from flashcrash_core.testing.checks.executor.scripts import THROUGH
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape
from flashcrash_core.trading.ledger import fee_minor
from flashcrash_core.trading.orders import NoticeKind, OrderType

__all__ = [
    "cancelled_orders_end",
    "fees_follow_the_schedule",
    "fills_keep_the_limit",
    "fills_keep_the_quantity",
    "immediate_orders_end_at_once",
    "post_only_never_takes",
    "reduce_only_is_accepted",
]

_AT_ONCE_US: Final = 1_000_000
"""Venue time from the first word on an immediate order to the last: price windows included, a rest in the book not."""
_STRESS_SHARE: Final = 0.2
"""Of exits decided under stress, the share that a venue's own failures may reject; the session sends them again."""


@check("executor", applies=simulated)
def fills_keep_the_quantity(subject: Subject[ExecutorSpec]) -> None:
    """No fill is of nothing, and the fills of an order add up to no more than its quantity."""
    for run in all_runs(subject):
        lots: Counter[str] = Counter()
        counted: set[tuple[str, int]] = set()
        for order, fill in run.fills():
            if fill.qty_lots <= 0:
                raise CheckFailure(f"{run.where}: {order.client_id} has a FILL of {fill.qty_lots} lots")
            if (order.client_id, fill.trade_id) in counted:
                continue  # the session ignores a repeated trade
            counted.add((order.client_id, fill.trade_id))
            lots[order.client_id] += fill.qty_lots
            if lots[order.client_id] > order.qty_lots:
                raise CheckFailure(
                    f"{run.where}: {order.client_id} asked for {order.qty_lots} lots and "
                    f"{lots[order.client_id]} were filled; keep count of what remains"
                )


@check("executor", applies=simulated)
def fills_keep_the_limit(subject: Subject[ExecutorSpec]) -> None:
    """No fill is at a price worse than the order's limit, and none at a price that is not positive."""
    for run in all_runs(subject):
        for order, fill in run.fills():
            limit = order.price_ticks
            if fill.price_ticks <= 0 or (limit and (fill.price_ticks - limit) * order.side > 0):
                raise CheckFailure(
                    f"{run.where}: {order.client_id} ({order.side.name} {order.type} at {limit} ticks) was filled at "
                    f"{fill.price_ticks} ticks, worse than its limit"
                )


@check("executor", applies=simulated)
def post_only_never_takes(subject: Subject[ExecutorSpec]) -> None:
    """A post-only order is filled as maker only, and one that could only take is not filled at all."""
    for run in all_runs(subject):
        for order, fill in run.fills():
            if order.type is not OrderType.LIMIT_MAKER:
                continue
            if not fill.maker:
                raise CheckFailure(f"{run.where}: {order.client_id} is post-only and was filled as taker")
            if order.reason == THROUGH and run.calm:
                raise CheckFailure(
                    f"{run.where}: {order.client_id} is post-only, its price lay 2 % through the market, and it was "
                    f"filled at {fill.price_ticks} ticks; reject what would take on arrival"
                )


@check("executor", applies=simulated)
def immediate_orders_end_at_once(subject: Subject[ExecutorSpec]) -> None:
    """LIMIT_IOC and MARKET orders never rest: filled or not, they end by themselves within a second of venue time."""
    for run in order_runs(subject):
        ended = run.ended()
        times: dict[str, list[int]] = {}
        for notice in run.notices():
            if notice.kind not in (NoticeKind.UNKNOWN, NoticeKind.CANCEL_REJECT):
                times.setdefault(notice.client_id, []).append(notice.exchange_us or 0)
        for order in run.orders.values():
            if order.type not in (OrderType.LIMIT_IOC, OrderType.MARKET) or run.broke:
                continue
            if order.client_id not in ended:
                raise CheckFailure(f"{run.where}: {order.client_id} ({order.type}) never ended; expire what cannot be taken")
            stood_us = max(times[order.client_id]) - min(times[order.client_id])
            if run.calm and stood_us > _AT_ONCE_US:
                raise CheckFailure(
                    f"{run.where}: {order.client_id} ({order.type}) stood for {stood_us} us; "
                    f"it must take what it can on arrival and expire ({_AT_ONCE_US} us allowed)"
                )


@check("executor", applies=simulated)
def fees_follow_the_schedule(subject: Subject[ExecutorSpec]) -> None:
    """The fee of every fill is `ExecutorContext.fees` of its notional for maker or taker, rounded up to a minor unit."""
    for run in all_runs(subject):
        instrument = tape("calm", seconds=30).instrument
        for order, fill in run.fills():
            notional = instrument.notional(fill.price_ticks, fill.qty_lots)
            expected = fee_minor(notional, FEES.maker_bps if fill.maker else FEES.taker_bps)
            if fill.fee_minor != expected:
                raise CheckFailure(
                    f"{run.where}: {order.client_id} paid {fill.fee_minor} minor units as "
                    f"{'maker' if fill.maker else 'taker'} on a notional of {notional}; the schedule asks for {expected} "
                    "(rate in bp of notional, rounded up)"
                )


@check("executor", applies=simulated)
def cancelled_orders_end(subject: Subject[ExecutorSpec]) -> None:
    """Every resting order ends within 90 s of event time after its cancel: cancelled, filled, expired or rejected."""
    for run in all_runs(subject):
        ended = run.ended()
        for client_id, cancelled_us in run.cancels.items():
            if not run.broke and client_id in run.orders and client_id not in ended and run.end_us - cancelled_us >= ENDS_WITHIN_US:
                raise CheckFailure(
                    f"{run.where}: {client_id} ({run.orders[client_id].type}) was cancelled at {cancelled_us} us and "
                    f"has not ended at {run.end_us} us; its fate must be proved in the end"
                )


@check("executor", applies=simulated)
def reduce_only_is_accepted(subject: Subject[ExecutorSpec]) -> None:
    """Reduce-only orders are accepted in every condition of the market; they may rest or expire, but are not rejected.

    Under stress a venue may fail one order in five at most. Sells of no more than is held; post-only ones are left out.
    """
    for run in exit_runs(subject):
        exits = {id: order for id, order in run.orders.items() if order.reduce_only and order.side is Side.SELL}
        rejected = [notice for notice in run.notices() if notice.kind is NoticeKind.REJECT and notice.client_id in exits]
        allowed = _STRESS_SHARE * sum(order.stressed for order in exits.values())
        for notice in rejected:
            order = exits[notice.client_id]
            if not order.stressed or len(rejected) > allowed:
                raise CheckFailure(
                    f"{run.where}: {order.client_id} ({order.type}, reduce-only, decided at {order.decided_us} us) was "
                    f"rejected ({notice.reason!r}; {len(rejected)} of {len(exits)}); an exit must never be refused"
                )
