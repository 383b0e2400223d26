"""The direction gate (reference/microstructure.md section 2.9): only falls become ACTIVE."""

import random
from math import exp, isnan, log, nan, sqrt

import pytest

from flashcrash_core.detection.direction import Drawdown
from flashcrash_core.market.features import GRID_US


def fallen(bp: float) -> float:
    """100 after a log fall of ``bp`` basis points."""
    return 100.0 * exp(-bp * 1e-4)


def reaches_active(b, price, **fields):
    """Whether a first minute at 100 and then agreement at ``price`` leads to ACTIVE within 10 s."""
    b.rows(20, **fields)
    b.rows(100, 3, price=price, **fields)
    return b.state == "ACTIVE"


@pytest.mark.parametrize(("n", "floor_bp"), [(5, 30.0), (4, 30.0), (3, 100.0)])
def test_floor_by_witnesses(bench, n, floor_bp):
    """30 bp with a book, 100 bp when only three core indicators are available; at the floor it is open, above it shut."""
    calm = {"n": n, "baseline": 1e-6}
    assert reaches_active(bench(direction_gate=True), fallen(floor_bp + 0.01), **calm)
    assert not reaches_active(bench(direction_gate=True), fallen(floor_bp - 0.01), **calm)


def test_few_witnesses_means_three_whatever_n_is_required(bench):
    """The larger floor belongs to n <= 3, also when fewer are allowed."""
    assert not reaches_active(bench(direction_gate=True, minimum_available=2), fallen(60.0), n=3, baseline=1e-6)


def test_floor_by_volatility(bench):
    """A loud market asks for 4 sigma_B sqrt(30 s)."""
    baseline = 5e-4
    floor_bp = 4 * baseline * sqrt(30) * 1e4
    assert floor_bp > 100
    assert reaches_active(bench(direction_gate=True), fallen(floor_bp + 0.01), baseline=baseline)
    assert not reaches_active(bench(direction_gate=True), fallen(floor_bp - 0.01), baseline=baseline)


def test_the_frozen_sigma_counts(bench):
    """After leaving SLEEP the gate stands on the baseline of before, however loud the baseline becomes."""
    b = bench(direction_gate=True).rows(20, baseline=1e-6)
    b.until("ALERT", 3, price=fallen(50), baseline=1e-6)
    b.until("ACTIVE", 3, baseline=1e-2, limit=30)


def test_a_squeeze_never_activates(bench):
    """Up moves alert and stay there."""
    b = bench(direction_gate=True).rows(20)
    for i in range(300):
        b.row(5, velocity=True, price=100.0 * exp(i * 1e-4))
    assert b.state == "ALERT"


def test_the_gate_is_read_in_its_own_row_only(bench):
    """A price that fell and came back during the hold does not pass; it passes in the row that falls again."""
    b = bench(direction_gate=True).rows(20).rows(10, 3, price=fallen(90)).rows(30, 3, price=100.0)
    assert b.state == "ALERT"
    b.row(3, price=fallen(60))
    assert b.state == "ACTIVE"


def test_no_price_is_no_fall(bench):
    """A row without a price does not open the gate."""
    b = bench(direction_gate=True).rows(20).rows(10, 3, price=fallen(90)).rows(30, 3, price=nan)
    assert b.state == "ALERT"


def test_the_gate_guards_the_way_back(bench):
    """RECOVERY -> ACTIVE by agreement needs the fall too, and a new low with two does not."""
    b = bench(direction_gate=True).rows(20)
    b.until("ACTIVE", 3, price=fallen(90))
    b.until("RECOVERY", 0)
    b.rows(310, 0).rows(50, 3)
    assert b.state == "RECOVERY"
    b.row(2, price=fallen(90.5))
    assert b.moves[-1][3] == "new_low"


def test_drawdown_window_is_half_open():
    """The peak counts for 299 rows after its own and no longer."""
    drawdown = Drawdown(30_000_000)
    drawdown.on_row(0, 100.0)
    for i in range(1, 300):
        drawdown.on_row(i * GRID_US, 99.0)
    assert drawdown.value == pytest.approx(log(0.99))
    drawdown.on_row(300 * GRID_US, 99.0)
    assert drawdown.value == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_drawdown_equals_its_definition(seed):
    """Against the maximum of the list of prices, with missing prices and a snapshot on the way."""
    rng = random.Random(seed)
    drawdown, prices = Drawdown(1_000_000), []
    for i in range(300):
        prices.append(nan if rng.random() < 0.1 else 100 + rng.gauss(0, 1))
        drawdown.on_row(i * GRID_US, prices[-1])
        expected = nan
        if not isnan(prices[-1]):
            expected = log(prices[-1] / max(p for p in prices[-10:] if not isnan(p)))
        assert drawdown.value == pytest.approx(expected, abs=1e-15, nan_ok=True), f"seed {seed} row {i}"
        if i == 150:
            copy = Drawdown(1_000_000)
            copy.restore(drawdown.snapshot())
            drawdown = copy
