"""The session: what may go out when, what comes back, and what stays when it ends itself."""

import pytest

from flashcrash_core.detection.scoring import Score
from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side, Trade
from flashcrash_core.market.instruments import to_money
from flashcrash_core.runtime.records import (
    AuditRecord,
    FaultRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    ScoreRecord,
    TradeRecord,
    TransitionRecord,
)
from flashcrash_core.trading.orders import CancelOrder, OrderType
from flashcrash_core.trading.strategy import Cancel, Enter, Exit, Refuse

MAKER, IOC = OrderType.LIMIT_MAKER, OrderType.LIMIT_IOC


def enter(price=9_900, lots=10):
    """An entry of 10 lots at 99.00: 990 quote."""
    return Enter(price, lots, MAKER, "dip", Score(80.0, {}))


def holding(bench, lots=10, **settings):
    """A bench in ACTIVE that bought 10 lots at 99.00."""
    b = bench(**settings).wake()
    b.once(enter(lots=lots))
    (order,) = b.trade(98.9)
    b.say(order.client_id, "FILL", lots)
    return b


def refusals(b):
    """Why entries were refused, in order."""
    return [record.refused for record in b.of(ScoreRecord)]


def test_asleep_the_strategy_is_not_asked(bench):
    """In SLEEP and ALERT, flat, no moment is shown; in ACTIVE every event is."""
    b = bench()
    b.trade(100.0, 20)
    b.trade(98.9, 10)
    assert (b.state, b.script.moments) == ("ALERT", [])
    b.trade(98.9, 30)
    seen = len(b.script.moments)
    b.trade(98.9, 5)
    assert len(b.script.moments) == seen + 5


def test_an_entry_goes_out_with_its_records(bench):
    """Score and intent are recorded with the command, position and order are known, the id is the session's first."""
    b = bench().wake()
    b.once(enter())
    (order,) = b.trade(98.9)
    assert (order.client_id, order.side, order.reduce_only, order.stressed) == ("fc000001", Side.BUY, False, True)
    assert refusals(b) == [""]
    (intent,) = b.of(IntentRecord)
    assert (intent.kind, intent.client_id, intent.qty_lots, intent.seq) == ("submit", "fc000001", 10, b.session.seq)
    assert b.session.blotter.positions[1].held_lots == 0
    assert not b.session.settled


def blocked_by(b, word):
    """That an entry tried now is refused for that reason and nothing goes out."""
    b.script.do = lambda moment: [enter()]
    commands = b.event(Trade("TESTUSDT", 0, b.t_us, b.t_us, 0, b.lane.market.last_ticks, 1, Side.SELL))
    assert commands == []
    assert refusals(b)[-1] == word
    assert b.session.refusals[word] == 1


def test_no_entry_in_another_state(bench):
    """Awake for its position in RECOVERY, the lane shows "state" and the entry is refused for it."""
    b = holding(bench)
    b.trade(100.0, 40)
    assert b.state == "RECOVERY"
    blocked_by(b, "state")


def test_no_entry_on_bad_data(bench):
    """A gap blocks from the row that holds it."""
    b = bench().wake()
    b.gap()
    b.trade(98.9)
    assert b.lane.row.unhealthy
    blocked_by(b, "data_gap")


def test_no_entry_while_degraded(bench):
    """With fewer than three indicators left nothing is bought."""
    b = bench().wake()
    b.trade(151.0, 2)
    assert b.state == "ACTIVE"
    blocked_by(b, "degraded")


def test_no_entry_while_flapping(bench):
    """The detector's block holds for its time."""
    b = bench(detector={"flapping_transitions": 1}).wake()
    b.trade(98.9)
    blocked_by(b, "flapping")
    b.trade(98.8, 600)
    b.script.do = lambda moment: []
    assert b.lane.blocked() == ""


def test_no_entry_into_a_collapse(bench):
    """A fired depth indicator blocks."""
    b = bench().wake()
    b.trade(89.0, 2)
    blocked_by(b, "liquidity_collapse")


def test_no_entry_after_a_halt(bench):
    """SHUTDOWN refuses entries while a position keeps the lane awake."""
    b = holding(bench)
    b.session.halt("operator")
    blocked_by(b, "shutdown")


def test_exits_pass_while_data_is_bad(bench):
    """A gap, an unhealthy row, degraded and collapsed: the exit goes out."""
    b = holding(bench)
    b.gap()
    b.trade(89.0)
    assert b.lane.blocked().startswith("data_")
    b.once(Exit(1, 10, IOC, 8_800, "stop"))
    (order,) = b.trade(89.0)
    assert (order.side, order.reduce_only, order.qty_lots) == (Side.SELL, True, 10)


def test_an_exit_beyond_the_position_is_audited(bench):
    """More than is held does not go out and is on record."""
    b = holding(bench)
    b.once(Exit(1, 11, IOC, 9_800, "stop"))
    assert b.trade(98.9) == []
    assert "exceeds_position" in b.of(AuditRecord)[-1].message


def test_a_whole_trade_adds_up(bench):
    """Fill, exit and close: records, strategy and equity agree to the minor unit."""
    b = holding(bench)
    b.once(Exit(1, 10, MAKER, 10_000, "target"))
    (order,) = b.trade(98.9)
    b.say(order.client_id, "FILL", 4, 10_000)
    b.say(order.client_id, "FILL", 6, 10_000)
    (trade,) = b.of(TradeRecord)
    net = to_money(10) - to_money("0.99") - to_money(1)
    assert (trade.pnl_minor, trade.exit_reason, trade.score) == (net, "target", 80.0)
    assert b.script.closed == [(1, net)]
    assert b.session.equity_minor() == to_money(10_000) + net
    assert b.session.settled
    assert sum(f.fee_minor for f in b.of(FillRecord)) == b.session.blotter.ledger.fees_minor
    assert len(b.of(NoticeRecord)) == 3
    b.session.check()


def test_ids_are_unique(bench):
    """Orders of entries and exits share one sequence."""
    b = bench(max_positions=50).wake()
    b.script.do = lambda moment: [enter(lots=1)]
    b.trade(98.9, 30)
    ids = [c.client_id for c in b.commands]
    assert len(ids) == len(set(ids)) == 30


def test_cancels_are_recorded_and_idempotent(bench):
    """A cancel goes out with its record; for an order that has ended it is nothing."""
    b = bench().wake()
    b.once(enter())
    (order,) = b.trade(98.9)
    b.once(Cancel(order.client_id, "stale"))
    (cancel,) = b.trade(98.9)
    assert isinstance(cancel, CancelOrder)
    assert b.of(IntentRecord)[-1].kind == "cancel"
    b.say(order.client_id, "CANCELLED")
    b.once(Cancel(order.client_id, "stale"))
    assert b.trade(98.9) == []
    assert b.script.closed == [(1, 0)]
    assert b.of(TradeRecord) == []


def test_unknown_is_exposure(bench):
    """An entry without an answer takes its place among the positions and its cash."""
    b = bench(max_positions=1).wake()
    b.once(enter())
    (order,) = b.trade(98.9)
    b.say(order.client_id, "UNKNOWN")
    b.trade(98.9, 50)
    blocked_by(b, "max_positions")
    assert b.lane.moment.cash_minor == to_money(9_010)
    assert not b.session.settled


def test_refused_considerations_are_counted(bench):
    """The strategy's own refusals are recorded with their score; being in another state is none."""
    b = bench().wake()
    b.once(Refuse("score", Score(41.5, {})), Refuse("state"))
    b.trade(98.9)
    assert [(r.refused, r.total) for r in b.of(ScoreRecord)] == [("score", 41.5)]


def test_a_strange_answer_is_a_fault(bench):
    """Anything but an intent is journalled by name; what came before it counts, what comes after it does not."""
    b = bench().wake()
    b.once(Refuse("score"), "buy", Refuse("size"))
    b.trade(98.9)
    assert [r.refused for r in b.of(ScoreRecord)] == ["score"]
    ((fault),) = b.of(FaultRecord)
    assert (fault.stage, fault.call, fault.kind) == ("strategy", "decide", "wrong_type")
    assert "returned a str" in fault.message


def test_a_wrong_fee_stops_the_session(bench):
    """The venue charging another rate than configured is an invariant broken at the fill."""
    b = bench().wake()
    b.once(enter())
    (order,) = b.trade(98.9)
    with pytest.raises(InvariantError, match="rate asks for"):
        b.say(order.client_id, "FILL", 10, fee=1)


def test_strange_symbols_are_counted(bench):
    """Events of a symbol that is not traded change nothing but their count and the sequence."""
    b = bench()
    b.trade(100.0, 3)
    seq = b.session.seq
    assert not b.session.on_event(Trade("NOBODY", 0, b.t_us, b.t_us, 0, 1, 1, Side.SELL))
    assert (b.session.unknown_symbols, b.session.seq) == ({"NOBODY": 1}, seq + 1)


# -- halting -------------------------------------------------------------------------------------------------------------


def test_a_drawdown_halts_and_cancels_entries(bench):
    """At 9,001 of 10,000 it goes on, at 8,999 the session halts: SHUTDOWN, entries cancelled, exits not."""
    b = holding(bench, lots=90, max_drawdown_pct=10.0)  # cash 10,000 - 8,910 - 8.91
    b.once(enter(lots=1), Exit(1, 10, MAKER, 10_500, "target"))
    entry, target = b.trade(98.9)
    b.trade(88.00)
    assert b.session.halted == ""
    b.trade(87.98)
    assert b.session.halted == "max_drawdown"
    assert [c.client_id for c in b.commands[-1:]] == [entry.client_id]
    assert target.client_id in b.session.blotter.orders
    assert b.of(TransitionRecord)[-1].target == "SHUTDOWN"
    assert "halt" in [a.kind for a in b.of(AuditRecord)]
    assert b.script.moments[-1][1:] == ("SHUTDOWN", "shutdown")


def test_the_closing_fill_may_be_the_breach(bench):
    """A loss that only the last fill shows halts at that fill, not at the next entry."""
    b = holding(bench, lots=100, max_drawdown_pct=10.0)
    b.once(Exit(1, 100, IOC, 8_000, "stop"))
    (order,) = b.trade(98.9)
    b.say(order.client_id, "FILL", 100, 8_000)
    assert b.session.halted == "max_drawdown"
    assert b.session.settled


def test_cancel_only_lets_exits_go_on(bench):
    """After a halt the strategy goes on selling until flat; then the session is settled."""
    b = holding(bench)
    b.session.halt("operator")
    b.session.halt("again")
    assert b.session.halted == "operator"
    b.once(Exit(1, 10, IOC, 9_800, "stop"))
    (order,) = b.trade(98.9)
    b.say(order.client_id, "FILL", 10, 9_880)
    assert b.session.settled
    assert b.of(TradeRecord)[0].exit_reason == "stop"


def test_flatten_sells_with_a_collar_until_flat(bench):
    """Policy flatten: resting orders are cancelled, then IOC limits 20 bp below the price, again after each that fell short."""
    b = holding(bench, shutdown_policy="flatten")
    b.once(Exit(1, 4, MAKER, 10_500, "target"))
    (target,) = b.trade(98.9)
    b.session.halt("operator")
    cancel, first = b.trade(100.0)
    assert (cancel.client_id, first.qty_lots, first.type, first.price_ticks) == (target.client_id, 6, IOC, 9_980)
    assert b.trade(100.0) == [], "nothing more while all lots are being sold"
    (second,) = b.say(target.client_id, "CANCELLED")
    assert (second.qty_lots, second.reason) == (4, "flatten")
    b.say(first.client_id, "FILL", 5, 9_985)
    (third,) = b.say(first.client_id, "EXPIRED")
    assert third.qty_lots == 1
    b.say(second.client_id, "FILL", 4, 9_985)
    b.say(third.client_id, "FILL", 1, 9_985)
    assert b.session.settled
    assert b.trade(100.0) == []


def test_flatten_never_bids_below_its_collar(bench):
    """The collar is exact in decimal: 20 bp below 50.00 is 49.90."""
    b = holding(bench, shutdown_policy="flatten")
    b.session.halt("operator")
    (order,) = b.trade(50.0)
    assert order.price_ticks == 4_990


def test_a_halt_ends_every_symbol(bench):
    """All lanes enter SHUTDOWN, each with its transition."""
    b = bench(symbols=2).wake()
    b.session.halt("operator")
    b.trade(98.9)
    assert {str(lane.detector.state) for lane in b.session.lanes.values()} == {"SHUTDOWN"}
    assert [t.symbol for t in b.of(TransitionRecord)[-2:]] == ["TESTUSDT", "OTHER1"]
