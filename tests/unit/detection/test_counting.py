"""Counting (reference/microstructure.md section 3.1): C, n, K and the relief that a velocity spike gives."""

import pytest


@pytest.mark.parametrize("n", range(6))
def test_count_and_available(bench, n):
    """C counts fired core indicators among the n available; fewer than three are DEGRADED."""
    b = bench()
    b.row(2, n=n, velocity=True)
    detector = b.detector
    assert (detector.count, detector.available, detector.degraded) == (min(2, n), n, n < 3)


def test_confirmation_never_counts(bench):
    """I6 fired changes K, not C or n."""
    b = bench()
    b.row(0, velocity=True)
    assert (b.detector.count, b.detector.available, b.detector.needed) == (0, 5, 2)


@pytest.mark.parametrize(("n", "needed"), [(2, 3), (3, 2), (5, 2)])
def test_relief_needs_three_available(bench, n, needed):
    """K is 2 with I6 fired and n >= 3, else 3."""
    b = bench()
    b.row(2, n=n, velocity=True)
    assert b.detector.needed == needed


def test_relief_lasts_two_seconds(bench):
    """K stays 2 through the row 2.0 s after the last one with I6 fired, and is 3 in the next."""
    b = bench().rows(5, 2)
    assert b.detector.needed == 3
    b.row(2, velocity=True)
    needed = []
    for _ in range(22):
        b.row(2)
        needed.append(b.detector.needed)
    assert needed == [2] * 20 + [3, 3]


def test_relief_disabled_by_equal_counts(bench):
    """K = 3 whatever n and I6 (the seed profile) when both counts are equal."""
    b = bench(confirmations_with_velocity=3)
    b.row(2, velocity=True)
    assert b.detector.needed == 3


def test_two_confirm_while_velocity_holds(bench):
    """C = 2 becomes ACTIVE after the hold when I6 spiked within 2 s throughout, and not when it fell silent earlier."""
    b = bench().rows(10)
    assert b.until("ACTIVE", 2, velocity=True) == 21
    b = bench().rows(10).rows(18, 2, velocity=True)
    assert b.until("ACTIVE", 2) == 3
    b = bench(hold_s=5.0).rows(10).rows(10, 2, velocity=True).rows(300, 2)
    assert b.state == "ALERT"


def test_relief_lost_for_300_ms_is_a_dip(bench):
    """Agreement is C >= K, so losing the relief is a dip like any other."""
    b = bench(velocity_memory_s=0.0).rows(10).rows(15, 2, velocity=True).rows(3, 2)
    assert b.until("ACTIVE", 2, velocity=True) == 3
