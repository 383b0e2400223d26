"""Prices: reference/microstructure.md sections 5.1, 5.2, 5.4 and the vectors of section 11."""

from collections.abc import Callable
from decimal import Decimal
from math import e, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.api import Bar
from flashcrash_strategies.levels import (
    Fractions,
    Swing,
    adaptive_fractions,
    break_even_ticks,
    collared_ticks,
    decayed_fraction,
    edge,
    entry_ticks,
    exit_ticks,
)


def test_entry_and_exit_vector() -> None:
    """Section 11: a bar of 99 to 101 on a tick of 0.1 is bought at 99.40 and sold at 100.60."""
    assert (entry_ticks(990, 1010, 0.2), exit_ticks(990, 1010, 0.8)) == (994, 1006)


@pytest.mark.parametrize(("fee_bps", "percent"), [("10", "1.00604"), ("2", "1.16700")])
def test_edge_vector(fee_bps: str, percent: str) -> None:
    """Section 11: net edge 1.00604 % at spot base fees, 1.16700 % at USD-M maker/maker."""
    net = edge(9940, 10060, Decimal(fee_bps), Decimal(fee_bps)) * 100
    assert round(net, 5) == Decimal(percent)


def test_rounding_is_against_us() -> None:
    """A buy rounds down and a sell rounds up."""
    assert (entry_ticks(100, 103, 0.5), exit_ticks(100, 103, 0.5)) == (101, 102)


@given(st.integers(1, 10**9), st.integers(0, 10**7), st.integers(0, 1000))
def test_levels_are_exact_for_decimal_fractions(low: int, span: int, mille: int) -> None:
    """floor and ceil of the exact value, free of binary artefacts."""
    exact = Decimal(low) + Decimal(mille) / 1000 * span
    fraction = mille / 1000
    assert entry_ticks(low, low + span, fraction) <= exact <= exit_ticks(low, low + span, fraction)
    assert exit_ticks(low, low + span, fraction) - entry_ticks(low, low + span, fraction) == (0 if exact == int(exact) else 1)


@pytest.mark.parametrize(("held_s", "fraction"), [(-1, 0.8), (0, 0.8), (5, 0.65), (10, 0.5), (60, 0.5)])
def test_time_decay_of_the_target(held_s: float, fraction: float) -> None:
    """Rule 7: 0.8 falls to 0.5 over 10 s and stays there."""
    assert decayed_fraction(0.8, held_s, 0.3, 10.0) == pytest.approx(fraction)


@pytest.mark.parametrize(("paid", "ticks"), [(10_000.0, 10_021), (9_990.0, 10_010)])
def test_break_even_pays_both_fees(paid: float, ticks: int) -> None:
    """The price is the least tick at which selling pays back entry and fees."""
    fee = Decimal(10)
    assert break_even_ticks(paid, fee, fee) == ticks
    rate = Decimal("0.001")
    assert ticks * (1 - rate) >= Decimal(paid) * (1 + rate) > (ticks - 1) * (1 - rate)


@pytest.mark.parametrize(("bid", "collar", "price"), [(10_000, 20.0, 9_980), (994, 20.0, 992), (1, 20.0, 1), (10_000, 0.0, 10_000)])
def test_collar_rounds_down_and_stays_above_zero(bid: int, collar: float, price: int) -> None:
    """20 bp below the bid, rounded down, at least one tick."""
    assert collared_ticks(bid, collar) == price


@pytest.mark.parametrize(
    ("ratio", "entry", "exit_"),
    [(5.0, 0.20, 0.80), (5 * e, 0.15, 0.85), (1e9, 0.15, 0.85), (5 / e, 0.25, 0.75), (nan, 0.2, 0.8), (0.0, 0.2, 0.8)],
)
def test_adaptive_fractions(ratio: float, entry: float, exit_: float) -> None:
    """Both move by 0.05 per unit of clipped ln(ratio / 5); a missing ratio changes nothing."""
    got = adaptive_fractions(ratio, Fractions(0.2, 0.8))
    assert (got.entry, got.exit) == (pytest.approx(entry), pytest.approx(exit_))


def test_adaptive_fractions_stay_within_their_bounds() -> None:
    """Clipped to 0.10 .. 0.30 and 0.65 .. 0.90 whatever the base."""
    wide, narrow = adaptive_fractions(1e9, Fractions(0.12, 0.88)), adaptive_fractions(1e-9, Fractions(0.28, 0.66))
    assert (wide.entry, wide.exit) == (0.10, 0.90)
    assert (narrow.entry, narrow.exit) == (0.30, 0.65)


def test_swing_starts_at_a_fresh_low_and_grows_with_highs(bar: Callable[..., Bar]) -> None:
    """A low below the last three lows restarts the range; a fresh high extends it; a low inside three bars' lows does not."""
    swing = Swing(3)
    for k, (low, high) in enumerate([(990, 1000), (980, 985), (983, 1002), (981, 1010)]):
        swing.on_bar(bar(k, low, high))
    assert (swing.low_ticks, swing.high_ticks) == (980, 1010)
    swing.on_bar(bar(4, 979, 984))
    assert (swing.low_ticks, swing.high_ticks) == (979, 984)
    copy = Swing(3)
    copy.restore(swing.snapshot())
    assert copy == swing
