"""The order state machine: every pair of state and notice, and what fills do to an order."""

import pytest

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.trading.orders import OPEN_STATES, NoticeKind, Order, OrderState, OrderType, SubmitOrder, VenueNotice

S, K = OrderState, NoticeKind

LEGAL: dict[tuple[OrderState, NoticeKind], OrderState] = {
    # A venue's first word.
    (S.SENT, K.ACK): S.ACKED,
    (S.SENT, K.REJECT): S.REJECTED,
    (S.SENT, K.FILL): S.PARTIAL,
    (S.SENT, K.CANCELLED): S.CANCELLED,
    (S.SENT, K.EXPIRED): S.EXPIRED,
    (S.SENT, K.UNKNOWN): S.UNKNOWN,
    # A working order.
    (S.ACKED, K.FILL): S.PARTIAL,
    (S.ACKED, K.CANCELLED): S.CANCELLED,
    (S.ACKED, K.EXPIRED): S.EXPIRED,
    (S.ACKED, K.UNKNOWN): S.UNKNOWN,
    (S.PARTIAL, K.FILL): S.PARTIAL,
    (S.PARTIAL, K.CANCELLED): S.CANCELLED,
    (S.PARTIAL, K.EXPIRED): S.EXPIRED,
    (S.PARTIAL, K.UNKNOWN): S.UNKNOWN,
    # A cancel in flight can lose to anything.
    (S.CANCELLING, K.ACK): S.CANCELLING,
    (S.CANCELLING, K.REJECT): S.REJECTED,
    (S.CANCELLING, K.FILL): S.CANCELLING,
    (S.CANCELLING, K.CANCELLED): S.CANCELLED,
    (S.CANCELLING, K.EXPIRED): S.EXPIRED,
    (S.CANCELLING, K.CANCEL_REJECT): S.ACKED,
    (S.CANCELLING, K.UNKNOWN): S.UNKNOWN,
    # Anything may prove what became of an unanswered order; a fill or a refused cancel does not say that it still works.
    (S.UNKNOWN, K.ACK): S.ACKED,
    (S.UNKNOWN, K.REJECT): S.REJECTED,
    (S.UNKNOWN, K.FILL): S.UNKNOWN,
    (S.UNKNOWN, K.CANCELLED): S.CANCELLED,
    (S.UNKNOWN, K.EXPIRED): S.EXPIRED,
    (S.UNKNOWN, K.CANCEL_REJECT): S.UNKNOWN,
    # Late words on an ended order.
    (S.CANCELLED, K.FILL): S.CANCELLED,
    (S.EXPIRED, K.FILL): S.EXPIRED,
    (S.FILLED, K.CANCEL_REJECT): S.FILLED,
    (S.CANCELLED, K.CANCEL_REJECT): S.CANCELLED,
    (S.EXPIRED, K.CANCEL_REJECT): S.EXPIRED,
    (S.REJECTED, K.CANCEL_REJECT): S.REJECTED,
}
PAIRS = [(state, kind) for state in OrderState for kind in NoticeKind]


def order_in(state: OrderState, filled: int = 0) -> Order:
    submit = SubmitOrder("c1", "TESTUSDT", Side.BUY, OrderType.LIMIT_MAKER, 100, 10, False, 1, "test", 5, False)
    return Order(submit, state=state, filled_lots=filled)


def notice(kind: NoticeKind, lots: int = 3, price: int = 100, trade_id: int = 1) -> VenueNotice:
    if kind is not K.FILL:
        return VenueNotice("TESTUSDT", 1, 7, 8, kind, "c1")
    return VenueNotice("TESTUSDT", 1, 7, 8, kind, "c1", price, lots, 2, True, trade_id)


@pytest.mark.parametrize(("state", "kind"), [pair for pair in PAIRS if pair in LEGAL])
def test_legal_steps(state: OrderState, kind: NoticeKind) -> None:
    """Each legal notice leads to the state that the venue proved, and stamps the order."""
    order = order_in(state)
    assert order.apply(notice(kind), 9)
    assert (order.state, order.updated_us) == (LEGAL[state, kind], 9)


@pytest.mark.parametrize(("state", "kind"), [pair for pair in PAIRS if pair not in LEGAL])
def test_illegal_steps(state: OrderState, kind: NoticeKind) -> None:
    """Every other notice is a contradiction: it raises, names order and state, and changes nothing."""
    order = order_in(state)
    with pytest.raises(InvariantError, match=f"c1 .*{kind} is illegal in state {state}"):
        order.apply(notice(kind), 9)
    assert (order.state, order.filled_lots, order.updated_us) == (state, 0, 0)


def test_an_order_is_sent_once() -> None:
    """INTENT becomes SENT, and only INTENT."""
    order = order_in(S.INTENT)
    order.sent()
    assert order.state is S.SENT
    with pytest.raises(InvariantError, match="sent is illegal"):
        order.sent()


@pytest.mark.parametrize("state", list(OrderState))
def test_cancelling_needs_an_open_order(state: OrderState) -> None:
    """An open order goes to CANCELLING, an UNKNOWN one stays UNKNOWN (its fate is still unproved), an ended one refuses."""
    order = order_in(state)
    if state not in OPEN_STATES:
        with pytest.raises(InvariantError, match="cancelling is illegal"):
            order.cancelling()
        return
    order.cancelling()
    assert order.state is (S.UNKNOWN if state is S.UNKNOWN else S.CANCELLING)


@pytest.mark.parametrize("state", [S.SENT, S.ACKED, S.PARTIAL, S.CANCELLING, S.UNKNOWN])
def test_the_last_lot_fills_the_order(state: OrderState) -> None:
    """A fill that completes the quantity ends the order from every open state: the fill wins over a cancel."""
    order = order_in(state, filled=4)
    order.apply(notice(K.FILL, lots=6), 9)
    assert (order.state, order.remaining_lots, order.open) == (S.FILLED, 0, False)


@pytest.mark.parametrize("state", [S.CANCELLED, S.EXPIRED])
def test_a_late_fill_is_booked_and_flagged(state: OrderState) -> None:
    """A fill after the end counts as a fill, keeps the end state and raises the alarm flag."""
    order = order_in(state, filled=4)
    order.apply(notice(K.FILL, lots=2), 9)
    assert (order.state, order.filled_lots, order.late_fill, order.remaining_lots) == (state, 6, True, 0)


def test_fills_add_up_and_duplicates_do_not() -> None:
    """Quantity, notional and fee only grow; the same trade id again is ignored and says so."""
    order = order_in(S.ACKED)
    assert order.apply(notice(K.FILL, lots=3, price=100, trade_id=1), 9)
    assert order.apply(notice(K.FILL, lots=2, price=90, trade_id=2), 10)
    assert not order.apply(notice(K.FILL, lots=3, price=100, trade_id=1), 11)
    assert (order.filled_lots, order.notional_units, order.fee_minor, order.updated_us) == (5, 480, 4, 10)
    assert order.remaining_lots == 5


def test_impossible_fills_raise() -> None:
    """A fill of nothing or above the quantity is refused, and so is a rejection of an order that has filled."""
    with pytest.raises(InvariantError, match="FILL of nothing"):
        order_in(S.ACKED).apply(notice(K.FILL, lots=0), 9)
    with pytest.raises(InvariantError, match="above the order's quantity"):
        order_in(S.ACKED, filled=8).apply(notice(K.FILL, lots=3), 9)
    with pytest.raises(InvariantError, match="REJECT after a fill"):
        order_in(S.UNKNOWN, filled=1).apply(notice(K.REJECT), 9)


@pytest.mark.parametrize(("state", "kind"), [(S.UNKNOWN, K.ACK), (S.CANCELLING, K.CANCEL_REJECT)])
def test_a_partly_filled_order_returns_to_partial(state: OrderState, kind: NoticeKind) -> None:
    """Proof that the order still works brings it back to PARTIAL when something has filled."""
    order = order_in(state, filled=4)
    order.apply(notice(kind), 9)
    assert order.state is S.PARTIAL


def test_an_unknown_order_counts_at_its_worst() -> None:
    """UNKNOWN is open: its whole remainder may still fill."""
    order = order_in(S.ACKED, filled=4)
    order.apply(notice(K.UNKNOWN), 9)
    assert (order.open, order.remaining_lots) == (True, 6)
