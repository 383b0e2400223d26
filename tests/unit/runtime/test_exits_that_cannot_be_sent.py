"""While nothing can be sent, exits are tried four times a second and not with every event."""

from typing import Any

import attrs
import pytest

from flashcrash_core.market.events import BookSnapshot, Side, Trade
from flashcrash_core.runtime.composition import compose, open_run_input
from flashcrash_core.runtime.launch import RunRequest, prepare
from flashcrash_core.trading.ledger import fee_minor
from flashcrash_core.trading.orders import NOT_SENT, NoticeKind, OrderType, SubmitOrder, VenueNotice

START_US = 1_750_000_000_000_000


@pytest.fixture
def session() -> Any:
    """A session that holds a position and leaves it by itself: it has halted."""
    prepared = prepare(RunRequest(overrides=('risk.shutdown_policy="flatten"',)))
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed=None)
    source.close()
    one = compose(prepared.config, prepared.plugins, source).session
    (lane,) = one.lanes.values()
    one.on_event(Trade(lane.symbol, 1, START_US, START_US, 500_000, 10, Side.SELL, 1))
    one.on_event(BookSnapshot(lane.symbol, 1, START_US, START_US, 1, ((499_990, 10_000),), ((500_010, 10_000),)))
    one.blotter.submit(SubmitOrder("e", lane.symbol, Side.BUY, OrderType.LIMIT, 500_000, 100, False, 1, "", START_US, True))
    paid = fee_minor(lane.setup.instrument.notional(500_000, 100), one.setup.fees.maker_bps)
    one.on_event(VenueNotice(lane.symbol, 2, START_US, START_US, NoticeKind.FILL, "e", 500_000, 100, paid, True, 1))
    one.halt("test")
    one.take()
    return one


@pytest.mark.parametrize("reason", sorted(NOT_SENT))
def test_exits_wait_after_one_that_was_not_sent(session: Any, reason: str) -> None:
    """A hundred events in a second lead to some four orders; afterwards it is tried again."""
    (symbol,) = session.lanes
    tried = 0
    for number in range(100):
        t_us = START_US + 1_000_000 + number * 10_000
        session.on_event(Trade(symbol, 10 + number, t_us, t_us, 500_000, 10, Side.SELL, 10 + number))
        for command in session.take().commands:
            tried += 1
            notice = VenueNotice(symbol, 1_000 + number, t_us, t_us, NoticeKind.REJECT, command.client_id, reason=reason)
            session.on_event(notice)
            session.take()
    assert 3 <= tried <= 5


def test_a_refusal_of_a_simulated_venue_is_answered_at_once(session: Any) -> None:
    """It was sent and refused for a reason of its own: it is tried again with the same event. Trying costs nothing there."""
    (symbol,) = session.lanes
    t_us = START_US + 1_000_000
    session.on_event(Trade(symbol, 10, t_us, t_us, 500_000, 10, Side.SELL, 10))
    for _ in range(5):
        (command,) = session.take().commands
        session.on_event(VenueNotice(symbol, 1, t_us, t_us, NoticeKind.REJECT, command.client_id, reason="filter_failure"))


def test_a_refusal_of_a_real_venue_is_not_answered_at_once(session: Any) -> None:
    """It counts orders, refused ones too."""
    session.setup = attrs.evolve(session.setup, real_venue=True)
    (symbol,) = session.lanes
    t_us = START_US + 1_000_000
    session.on_event(Trade(symbol, 10, t_us, t_us, 500_000, 10, Side.SELL, 10))
    (command,) = session.take().commands
    session.on_event(VenueNotice(symbol, 1, t_us, t_us, NoticeKind.REJECT, command.client_id, reason="filter_failure"))
    assert session.take().commands == []
    session.on_event(Trade(symbol, 11, t_us + 300_000, t_us + 300_000, 500_000, 10, Side.SELL, 11))
    assert len(session.take().commands) == 1
