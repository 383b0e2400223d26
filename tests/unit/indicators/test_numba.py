"""The step functions stay in the subset that numba compiles, and compile to the same numbers."""

from collections.abc import Callable
from math import isnan
from types import FunctionType
from typing import Any

import pytest

from flashcrash_core.testing import make_rows, rows_of

numba = pytest.importorskip("numba", reason="numba is not installed; the step functions run interpreted")
np = pytest.importorskip("numpy")


SEED_READING: dict[str, dict[str, Any]] = {
    "volatility": {"statistic": "std", "inclusive": True, "block_history_s": 0},
    "acceleration": {"formula": "seed"},
    "imbalance": {"depth": "levels", "smoothing_ms": 100},
    "spread": {"statistic": "row_end"},
    "volume_delta": {"statistic": "std", "window_s": 1, "baseline_s": 300, "min_samples": 30},
    "message_velocity": {"statistic": "mean", "min_samples": 60},
    "depth": {"inclusive": True},
}


def compiled(function: FunctionType, done: dict[str, Any]) -> Any:
    """``function`` compiled, with the plain functions that it calls compiled before it."""
    if function.__qualname__ not in done:
        names = dict(function.__globals__)
        for name in function.__code__.co_names:
            callee = names.get(name)
            if isinstance(callee, FunctionType) and callee.__module__.startswith("flashcrash_indicators"):
                names[name] = compiled(callee, done)
        twin = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
        done[function.__qualname__] = numba.njit(twin)
    return done[function.__qualname__]


@pytest.mark.parametrize("reading", ["robust", "seed"])
def test_step_compiles_and_agrees_with_the_interpreter(name: str, reading: str, build: Callable[..., Any]) -> None:
    """On arrays instead of lists the compiled step yields the interpreted pairs, bit by bit."""
    seconds = 400
    closes = [100.0 + 0.01 * ((i * 7919) % 13) for i in range(seconds)]
    m = rows_of(seconds)
    columns = {
        "spread_tw": [1e-4 * (1 + i % 7) for i in range(m)],
        "buy_notional": [float((i * 31) % 997) for i in range(m)],
        "sell_notional": [float((i * 17) % 1009) for i in range(m)],
        "trades": [i % 5 for i in range(m)],
        "band_bid_qty": [float(1 + i % 11) for i in range(m)],
        "top_bid_notional": [1e5 + 10.0 * (i % 101) for i in range(m)],
    }
    bars = [(c + 0.1, c + 0.2, c - 0.15, c, 1000.0 + i) for i, c in enumerate(closes)]
    rows = make_rows(closes, bars=bars, columns=columns)
    options = SEED_READING.get(name, {}) if reading == "seed" else {}
    indicator, twin = build(name, **options), build(name, **options)
    step = compiled(indicator.step, {})
    state = type(twin.state)(*(np.array(part) for part in twin.state))
    for row in rows:
        plain = indicator.step(indicator.state, row, indicator.params)
        fast = step(state, row, twin.params)
        for a, b in zip(plain[0] + plain[1], tuple(fast[0]) + tuple(fast[1]), strict=True):
            assert a == b or (isnan(a) and isnan(b)), (name, row.t_us, plain, fast)
