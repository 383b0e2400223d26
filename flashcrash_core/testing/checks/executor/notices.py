"""What every notice must be, whatever the venue: legal, about an own order, in its time, once, in order, and announced."""

from flashcrash_core.errors import InvariantError
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.executor.desk import Run, play
from flashcrash_core.testing.checks.executor.runs import all_runs, calm_tape, repeatable, simulated
from flashcrash_core.testing.checks.executor.scripts import Orders
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.orders import NoticeKind, Order, SubmitOrder, VenueNotice

__all__ = [
    "due_never_delivers_the_future",
    "notices_come_once_and_in_order",
    "notices_keep_time",
    "notices_name_own_orders",
    "order_states_are_legal",
    "pending_says_what_is_owed",
]


@check("executor", applies=simulated)
def order_states_are_legal(subject: Subject[ExecutorSpec]) -> None:
    """Every notice is a legal step of the kernel's order state machine: nothing contradicts what was proved before."""
    for run in all_runs(subject):
        _walk(run)


def _walk(run: Run) -> None:
    orders: dict[str, Order] = {}
    for step in run.log:
        if isinstance(step, SubmitOrder):
            orders[step.client_id] = Order(step)
            orders[step.client_id].sent()
            continue
        order = orders.get(step.client_id)
        if order is None:
            continue
        if not isinstance(step, VenueNotice):
            if order.open:
                order.cancelling()
            continue
        if step.kind is NoticeKind.FILL and not 0 < step.qty_lots <= order.submit.qty_lots - order.filled_lots:
            if step.trade_id not in order.trade_ids:
                del orders[step.client_id]  # its quantity is the business of fills_keep_the_quantity
            continue
        try:
            order.apply(step, step.receive_us)
        except InvariantError as error:
            raise CheckFailure(f"{run.where}: {error}; send each order's notices in the order of its life") from error


@check("executor", applies=simulated)
def notices_name_own_orders(subject: Subject[ExecutorSpec]) -> None:
    """Notices are about client ids that the session has named in a command, and bear that order's symbol."""
    for run in all_runs(subject):
        for notice in run.notices():
            if notice.client_id not in run.orders and notice.client_id not in run.cancels:
                raise CheckFailure(
                    f"{run.where}: {notice.kind} about order {notice.client_id!r}, which this session never sent; "
                    "leave other people's orders out"
                )
            order = run.orders.get(notice.client_id)
            if order is not None and notice.symbol != order.symbol:
                raise CheckFailure(
                    f"{run.where}: {notice.kind} of {notice.client_id} bears symbol {notice.symbol!r}, "
                    f"the order is in {order.symbol}"
                )


@check("executor", applies=simulated)
def notices_keep_time(subject: Subject[ExecutorSpec]) -> None:
    """A notice reaches the session no earlier than it happened at the venue, and nothing happens before the decision."""
    for run in all_runs(subject):
        for notice in run.notices():
            if notice.exchange_us is None or notice.receive_us < notice.exchange_us:
                raise CheckFailure(
                    f"{run.where}: {notice.kind} of {notice.client_id} happened at {notice.exchange_us} us "
                    f"and was received at {notice.receive_us} us; set both, the delivery not before the event"
                )
            order = run.orders.get(notice.client_id)
            if order is not None and notice.exchange_us < order.decided_us:
                raise CheckFailure(
                    f"{run.where}: {notice.kind} of {notice.client_id} happened at {notice.exchange_us} us, "
                    f"before the order was decided ({order.decided_us} us)"
                )


@check("executor", applies=simulated)
def due_never_delivers_the_future(subject: Subject[ExecutorSpec]) -> None:
    """`due(now_us)` gives only notices whose delivery time has come."""
    for run in all_runs(subject):
        for delivery in run.deliveries:
            early_us = delivery.notice.receive_us - delivery.asked_us
            if early_us > 0:
                raise CheckFailure(
                    f"{run.where}: due({delivery.asked_us}) gave {delivery.notice.kind} of "
                    f"{delivery.notice.client_id} {early_us} us before its delivery time; keep it until then"
                )


@check("executor", applies=simulated)
def notices_come_once_and_in_order(subject: Subject[ExecutorSpec]) -> None:
    """Each notice is delivered once, numbered by `next_seq` as it is, by delivery time within a call and within an order."""
    for run in all_runs(subject):
        where = f"{run.where}"
        seqs = [notice.seq for notice in run.notices()]
        if not run.broke and seqs != run.numbers:
            at = next(
                (i for i, (a, b) in enumerate(zip(seqs, run.numbers, strict=False)) if a != b), min(len(seqs), len(run.numbers))
            )
            raise CheckFailure(
                f"{where}: notice {at} of {len(seqs)} does not bear the number that next_seq gave for it "
                f"({len(run.numbers)} were drawn); draw one per notice, when it is delivered"
            )
        trades: set[int] = set()
        newest: dict[str, VenueNotice] = {}
        call, call_us = 0, 0
        for delivery in run.deliveries:
            notice = delivery.notice
            if notice.kind is NoticeKind.FILL:
                if notice.trade_id in trades:
                    raise CheckFailure(f"{where}: trade {notice.trade_id} of {notice.client_id} was delivered twice")
                trades.add(notice.trade_id)
            before = newest.get(notice.client_id)
            if before is not None and notice.receive_us < before.receive_us:
                raise CheckFailure(
                    f"{where}: {notice.kind} of {notice.client_id} (received {notice.receive_us} us) was delivered after its "
                    f"{before.kind} (received {before.receive_us} us)"
                )
            newest[notice.client_id] = notice
            if delivery.call == call and notice.receive_us < call_us:
                raise CheckFailure(
                    f"{where}: due({delivery.asked_us}) gave {notice.kind} of {notice.client_id} (received {notice.receive_us} us) "
                    f"after a notice received at {call_us} us; sort by delivery time"
                )
            call, call_us = delivery.call, notice.receive_us


@check("executor", applies=simulated)
def pending_says_what_is_owed(subject: Subject[ExecutorSpec]) -> None:
    """`pending()` is true while anything is owed, so that a session asking only then misses nothing, and false at the end."""
    for run in all_runs(subject):
        silent = next((delivery for delivery in run.deliveries if not delivery.announced), None)
        if silent is not None:
            raise CheckFailure(
                f"{run.where}: pending() was false when {silent.notice.kind} of {silent.notice.client_id} was due; "
                "the session would not have asked for it"
            )
        if run.pending_at_end and not run.broke and run.ended() >= run.orders.keys():
            raise CheckFailure(f"{run.where}: pending() is still true after every order has ended and nothing came for 90 s")
    always = next(run for run in all_runs(subject) if run.tape == "calm")
    if repeatable(subject):
        return
    asked = play(subject, calm_tape(), Orders(), only_while_pending=True)
    if asked.broke and not always.broke:
        raise CheckFailure(f"{asked.where}: asked only while pending(), {asked.broke}") from asked.error
    if not asked.broke and [n.client_id for n in asked.notices()] != [n.client_id for n in always.notices()]:
        raise CheckFailure(
            f"{asked.where}: asked only while pending() it delivered {len(asked.notices())} notices, "
            f"asked always {len(always.notices())}"
        )
