"""Step and judge functions stay in the subset that numba compiles, and compile to the same numbers."""

import random
import struct
from collections.abc import Callable
from math import nan
from typing import Any, Final

import pytest

from flashcrash_core.api import FeatureRow, IndicatorSpec
from flashcrash_core.batch.compiling import compiled, compiled_in_one
from flashcrash_core.batch.readings import Readings
from flashcrash_core.batch.rows import empty_rows
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.testing import make_rows, rows_of

numba = pytest.importorskip("numba", reason="numba is not installed; the step functions run interpreted")
np = pytest.importorskip("numpy")

READINGS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "volatility": {
        "seed": {"statistic": "std", "inclusive": True, "block_history_s": 0},
        "downside": {"downside": True, "block_min": 2, "min_samples": 20, "baseline_s": 60},
    },
    "acceleration": {"seed": {"formula": "seed"}},
    "imbalance": {"seed": {"depth": "levels", "smoothing_ms": 100}, "long": {"smoothing_ms": 2000}},
    "spread": {
        "seed": {"statistic": "row_end"},
        "short": {"inclusive": True, "baseline_s": 30, "min_samples": 10},
        "wide": {"window_s": 3, "baseline_s": 60},
    },
    "volume_delta": {
        "seed": {"statistic": "std", "window_s": 1, "baseline_s": 300, "min_samples": 30},
        "short": {"window_s": 1, "baseline_s": 60, "min_samples": 30},
    },
    "message_velocity": {"seed": {"statistic": "mean", "min_samples": 60}, "short": {"baseline_s": 60, "min_samples": 30}},
    "candle_patterns": {"slow": {"period_s": 3}},
    "depth": {"seed": {"inclusive": True}},
}
"""Settings beside the default, by indicator: the seed reading of the reference, and what takes another branch."""
PROGRAMS: Final = [(name, reading) for name, more in READINGS.items() for reading in ("robust", *more)]


def bits(values: Any) -> list[bytes]:
    """Floats to the bit; every NaN is one."""
    return [struct.pack("d", nan if value != value else float(value)) for value in values]


def market(seconds: int) -> list[FeatureRow]:
    """Rows with everything in motion, gaps, quiet rows and rows without a usable book."""
    rng = random.Random(11)
    closes = [100.0 + 0.01 * ((i * 7919) % 13) for i in range(seconds)]
    m = rows_of(seconds)
    columns: dict[str, list[Any]] = {
        "spread_tw": [1e-4 * (1 + i % 7) * rng.random() for i in range(m)],
        "spread_end": [1e-4 * (1 + i % 7) * rng.random() for i in range(m)],
        "covered_us": [rng.choice((0, 60_000, 100_000, 100_000)) for _ in range(m)],
        "book_usable": [int(rng.random() > 0.01) for _ in range(m)],
        "buy_notional": [rng.choice((0.0, 1000.0 * rng.random())) for _ in range(m)],
        "sell_notional": [rng.choice((0.0, 1000.0 * rng.random())) for _ in range(m)],
        "trades": [rng.randrange(5) for _ in range(m)],
        "quotes": [rng.randrange(20) for _ in range(m)],
        "updates": [rng.randrange(100) for _ in range(m)],
        "band_bid_qty": [rng.random() for _ in range(m)],
        "band_ask_qty": [rng.random() for _ in range(m)],
        "top_bid_qty": [float(1 + i % 11) for i in range(m)],
        "top_bid_notional": [1e5 * rng.random() for _ in range(m)],
        "unhealthy": [int(rng.random() < 0.001) for _ in range(m)],
    }
    bars = [(c + 0.1 * rng.random(), c + 0.3, c - 0.3 * rng.random(), c, 1000.0 * rng.random()) for c in closes]
    return make_rows(closes, bars=bars, columns=columns)


def arrays(state: Any) -> Any:
    """The state with arrays for its lists, as the batch engine holds it."""
    return type(state)(*(np.array(part) for part in state))


def a_number(rng: random.Random, limits: list[float]) -> float:
    """What a statistic or a baseline may be, often missing, 0 or at a limit."""
    return rng.choice((nan, 0.0, 1.0, *limits, rng.gauss(0.0, 1.0), abs(rng.gauss(0.0, 10.0)), 10.0 ** rng.randrange(-6, 7)))


@pytest.fixture(scope="module")
def rows() -> list[FeatureRow]:
    """One market for all programs."""
    return market(400)


@pytest.mark.parametrize(("name", "reading"), PROGRAMS)
def test_step_compiles_and_agrees_with_the_interpreter(
    name: str, reading: str, build: Callable[..., Any], rows: list[FeatureRow]
) -> None:
    """On arrays instead of lists the compiled step yields the interpreted pairs and leaves the same state, bit by bit."""
    options = READINGS[name].get(reading, {})
    indicator, twin = build(name, **options), build(name, **options)
    step = compiled(indicator.step)
    state = arrays(twin.state)
    for row in rows:
        plain = indicator.step(indicator.state, row, indicator.params)
        fast = step(state, row, twin.params)
        assert [bits(part) for part in fast] == [bits(part) for part in plain], (name, row.t_us, plain, fast)
    for field, plain_part, fast_part in zip(state._fields, indicator.state, state, strict=True):
        assert bits(fast_part) == bits(plain_part), field


@pytest.mark.parametrize(("name", "reading"), PROGRAMS)
def test_steps_in_one_loop_agree_with_the_interpreter(
    name: str, reading: str, build: Callable[..., Any], panel_entry: Callable[..., PanelEntry], rows: list[FeatureRow]
) -> None:
    """The batch engine's loop over columns, in which steps are put whole, yields the interpreted pairs, bit by bit."""
    options = READINGS[name].get(reading, {})
    indicator, twin = build(name, **options), build(name, **options)
    columns = empty_rows(len(rows))
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        column[:] = values
    entry = panel_entry(name, twin)
    readings = Readings.of(entry, len(rows))
    readings.start_over(entry)
    readings.take(columns, len(rows), 0)
    assert readings.compiled_step
    for place, row in enumerate(rows):
        plain = indicator.step(indicator.state, row, indicator.params)
        fast = readings.statistic[:, place], readings.baseline[:, place]
        assert [bits(part) for part in fast] == [bits(part) for part in plain], (name, row.t_us, plain, fast)


@pytest.mark.parametrize(("name", "reading"), PROGRAMS)
def test_judge_compiles_and_agrees_with_the_interpreter(
    name: str, reading: str, build: Callable[..., Any], spec: Callable[[str], IndicatorSpec]
) -> None:
    """Compiled judgements give the interpreted value and flag on random, missing, zero and borderline readings."""
    indicator = build(name, **READINGS[name].get(reading, {}))
    judge, levels = indicator.judge, indicator.levels
    fast = compiled(judge)
    numbers = len(spec(name).statistics), len(spec(spec(name).baseline_from or name).baselines)
    limits = [float(level) * sign for level in levels or () for sign in (1.0, -1.0)]
    flags = set()
    for seed in range(1000):
        rng = random.Random(seed)
        statistic, baseline = (tuple(a_number(rng, limits) for _ in range(count)) for count in numbers)
        for was_fired in (False, True):
            value, fired = judge(statistic, baseline, levels, was_fired)
            seen, also = fast(statistic, baseline, levels, was_fired)
            assert (bits([seen]), also) == (bits([value]), fired), f"seed {seed}: {statistic} {baseline} {was_fired}"
            flags.add((fired, value == value))
    assert {(True, True), (False, True), (False, False)} <= flags


def counting(xs: Any) -> int:
    """A function that makes a list, which a loop without reference counts cannot hold."""
    kept = [x for x in xs if x == x]
    kept.sort()
    return len(kept)


def test_one_loop_falls_back_where_a_function_makes_a_list() -> None:
    """What needs reference counts is compiled with them, again and again, and what fails at run time fails."""
    call = compiled_in_one(counting)
    assert [call(np.array([1.0, nan, 0.5])) for _ in range(2)] == [2, 2]
    divide = compiled_in_one(ratio)
    assert divide(1.0, 4.0) == 0.25
    with pytest.raises(ZeroDivisionError):
        divide(1.0, 0.0)


def ratio(a: float, b: float) -> float:
    """A division, which the interpreter refuses by zero."""
    return a / b
