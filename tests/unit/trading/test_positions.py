"""Positions: average cost in integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.errors import InvariantError
from flashcrash_core.trading.positions import Position

PRICES = st.integers(1, 10**7)
LOTS = st.integers(1, 10**6)
# A step buys, or sells a fraction (per mille) of what is held.
STEPS = st.lists(st.tuples(st.booleans(), PRICES, LOTS, st.integers(1, 1000), st.integers(0, 10**6)), min_size=1, max_size=40)


def test_a_round_trip_by_hand() -> None:
    """Bought 3 at 100 and 1 at 104 (average 101), sold 1 then 3: costs are 101 and the remaining 303."""
    position = Position(1, "TESTUSDT", "c1")
    position.buy(100, 3, 7, 10)
    position.buy(104, 1, 2, 20)
    assert (position.held_lots, position.entry_ticks, position.opened_us, position.cost_held) == (4, 101.0, 10, 404)
    assert position.sell(110, 1, 1, 30, "target") == 101
    assert position.sell(90, 3, 1, 40, "stop") == 303
    assert (position.held_lots, position.cost_held, position.exit_ticks, position.fee_minor) == (0, 0, 95.0, 11)
    assert (position.exit_reason, position.closed_us) == ("stop", 40)


def test_an_empty_position_has_no_prices() -> None:
    """Before the first fill the averages are 0 instead of a division by zero."""
    position = Position(1, "TESTUSDT", "c1")
    assert (position.entry_ticks, position.exit_ticks, position.held_lots, position.cost_held) == (0.0, 0.0, 0, 0)


def test_selling_more_than_held_is_a_defect() -> None:
    """Long only: a sale above the holding raises and books nothing."""
    position = Position(1, "TESTUSDT", "c1")
    position.buy(100, 3, 0, 10)
    with pytest.raises(InvariantError, match="sold 4 lots of 3 held"):
        position.sell(100, 4, 0, 20, "stop")
    assert (position.held_lots, position.sold_lots, position.fee_minor) == (3, 0, 0)


@given(STEPS)
def test_average_cost_conserves_every_unit(steps: list[tuple[bool, int, int, int, int]]) -> None:
    """However often it is bought and sold, cost held plus cost sold is what was paid; flat means that no unit is left over."""
    position = Position(1, "TESTUSDT", "c1")
    paid = cost = fees = 0
    for buys, price, lots, share, fee in steps:
        if buys or not position.held_lots:
            position.buy(price, lots, fee, 1)
            paid += price * lots
        else:
            held, held_cost = position.held_lots, position.cost_held
            part = max(1, held * share // 1000)
            taken = position.sell(price, part, fee, 2, "x")
            cost += taken
            # The part's share of the cost, rounded down by less than one unit.
            assert 0 <= held_cost * part - taken * held < held
        fees += fee
        assert position.cost_held + cost == paid
        assert position.cost_held >= 0
        assert position.fee_minor == fees
    if position.held_lots:
        cost += position.sell(1, position.held_lots, 0, 3, "flat")
    assert (position.held_lots, position.cost_held, cost) == (0, 0, paid)
