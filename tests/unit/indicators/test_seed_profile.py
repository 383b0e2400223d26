"""The shipped profiles: `robust` is the plugins' defaults, `seed` is section 2.10 of the reference, by configuration alone."""

import random
import tomllib
from collections.abc import Callable
from importlib.resources import files
from itertools import pairwise
from math import exp, isnan, log, nextafter
from statistics import fmean, pstdev
from typing import Any

import attrs
import cattrs
import pytest

from flashcrash_core.api import BuildContext, DetectorConfig, Instrument
from flashcrash_core.testing import drive, make_rows, rows_of

SECONDS = 330
converter = cattrs.Converter(forbid_extra_keys=True)


def profile(name: str) -> dict[str, Any]:
    """A shipped profile as plain tables."""
    return tomllib.loads((files("flashcrash_core") / "config" / "profiles" / f"{name}.toml").read_text(encoding="utf-8"))


@pytest.fixture
def seed(spec: Callable[[str], Any]) -> Callable[[str], Any]:
    """``seed(name)``: the indicator as the seed profile configures it."""

    def make(name: str) -> Any:
        table = profile("seed")["indicators"][name]
        plugin = spec(table.pop("use"))
        context = BuildContext("TESTUSDT", Instrument("TESTUSDT", "0.01", "0.0001"), True, True)
        return plugin.build(converter.structure(table, plugin.config), context)

    return make


def flow(rng: random.Random) -> dict[str, list[Any]]:
    """Seeded columns."""
    m = rows_of(SECONDS)
    return {
        "spread_end": [1e-4 * (1 + rng.random()) for _ in range(m)],
        "buy_notional": [rng.expovariate(1e-3) for _ in range(m)],
        "sell_notional": [rng.expovariate(1e-3) for _ in range(m)],
        "trades": [rng.randrange(5) for _ in range(m)],
        "quotes": [rng.randrange(9) for _ in range(m)],
        "updates": [rng.randrange(99) for _ in range(m)],
        "top_bid_qty": [rng.random() for _ in range(m)],
        "top_ask_qty": [rng.random() for _ in range(m)],
    }


def test_robust_profile_is_the_default(spec: Callable[[str], Any], name: str) -> None:
    """Every value in robust.toml equals the plugin's default, and every setting stands there."""
    table = profile("robust")["indicators"][name]
    assert table.pop("use") == name
    config = spec(name).config
    assert attrs.asdict(converter.structure(table, config)) == pytest.approx(attrs.asdict(config()))
    assert set(table) == {a.name for a in attrs.fields(config)}


def test_robust_detector_is_the_default() -> None:
    """The [detector] table of robust.toml repeats defaults."""
    assert converter.structure(profile("robust")["detector"], DetectorConfig) == DetectorConfig()


def test_seed_detector_counts_plainly() -> None:
    """K = 3 whatever n and velocity, warm from n = 3 on, dips reset, no direction gate, nothing freezes, ALERT at C >= 2 only."""
    config = converter.structure(profile("seed")["detector"], DetectorConfig)
    assert (config.confirmations, config.confirmations_with_velocity, config.minimum_available) == (3, 3, 3)
    assert (config.hold_s, config.dip_tolerance_s, config.alert_count) == (2.0, 0.0, 2)
    assert not config.direction_gate
    assert not config.freeze_baselines
    assert exp(-config.alert_drawdown_bp * 1e-4) < 0.01  # a fall that cannot be


def test_volatility(seed: Callable[[str], Any]) -> None:
    """Demeaned std of the last 10 returns over that of the last 300 (n_min 240), window included."""
    rng = random.Random(1)
    closes = [100.0]
    for _ in range(SECONDS - 1):
        closes.append(closes[-1] * exp(rng.gauss(-1e-4, 1e-3)))
    returns = [log(b / a) for a, b in pairwise(closes)]
    indicator = seed("volatility")
    rows = make_rows(closes)
    shown = [pair for row, pair in zip(rows, drive(indicator, rows), strict=True) if row.bar_new]
    for k in (100, 239, 240, 300, 329):
        ratio, fired = indicator.judge(*shown[k], indicator.levels, True)
        if k < 240:
            assert isnan(ratio)
            continue
        expected = pstdev(returns[k - 10 : k]) / pstdev(returns[max(0, k - 300) : k])
        assert ratio == pytest.approx(expected, rel=1e-9), "seed 1"
        assert fired == (expected > 5)


def test_volatility_cannot_exceed_the_bound(seed: Callable[[str], Any]) -> None:
    """The inclusive baseline caps the ratio at sqrt(30) = 5.4772, so a burst from a dead calm just fires."""
    indicator = seed("volatility")
    closes = [100.0] * 310
    for k in range(10):
        closes.append(closes[-1] * (1.02 if k % 2 else 0.98))
    ratio, fired = indicator.judge(*drive(indicator, make_rows(closes))[-1], indicator.levels, False)
    assert 5.0 < ratio <= 5.4772256
    assert fired


def test_acceleration(seed: Callable[[str], Any]) -> None:
    """The seed formula below -0.004, for the second of its bar only: no latch and no sigma term."""
    indicator = seed("acceleration")
    assert indicator.latch_us == 0
    pairs = drive(indicator, make_rows([100.0, 100.0, 99.5, 99.0, 98.6]))
    fired = [indicator.judge(s, (float("nan"),), indicator.levels, False)[1] for s, _ in pairs]
    assert [i for i, on in enumerate(fired) if on] == list(range(32, 42))
    assert not indicator.judge((-0.004,), (), indicator.levels, False)[1]
    assert indicator.judge((nextafter(-0.004, -1.0),), (), indicator.levels, False)[1]


def test_imbalance(seed: Callable[[str], Any]) -> None:
    """Quantities of the best 20 levels, row by row, at -0.8 without hysteresis."""
    indicator = seed("imbalance")
    columns = flow(random.Random(2))
    for i, (s, _) in enumerate(drive(indicator, make_rows([100.0] * SECONDS, columns=columns))):
        bid, ask = columns["top_bid_qty"][i], columns["top_ask_qty"][i]
        value, fired = indicator.judge(s, (), indicator.levels, True)
        assert value == (bid - ask) / (bid + ask)
        assert fired == (value <= -0.8)


def test_spread(seed: Callable[[str], Any]) -> None:
    """Row-end spread over the mean of the row ends of the last 300 s, itself included, from 60 s on; > 4 and no gate."""
    indicator = seed("spread")
    columns = flow(random.Random(3))
    ends = columns["spread_end"]
    pairs = drive(indicator, make_rows([100.0] * SECONDS, columns=columns))
    assert isnan(pairs[598][1][0])
    for i in range(599, len(ends), 97):
        whole = (i + 1) // 10 * 10  # 299 whole seconds and the running one
        part = ends[max(0, whole - 2990) : i + 1]
        ratio, _ = indicator.judge(*pairs[i], indicator.levels, False)
        assert ratio == pytest.approx(ends[i] / fmean(part), rel=1e-9), "seed 3"
    assert indicator.judge((1e-8,), (2e-9,), indicator.levels, False)[1]
    assert not indicator.judge((3.9,), (1.0,), indicator.levels, True)[1]


def test_volume_delta(seed: Callable[[str], Any]) -> None:
    """1-s dV below -3 population deviations of such sums over 300 s, itself included, from 30 of them on; no gates."""
    indicator = seed("volume_delta")
    columns = flow(random.Random(4))
    net = [b - s for b, s in zip(columns["buy_notional"], columns["sell_notional"], strict=True)]
    pairs = drive(indicator, make_rows([100.0] * SECONDS, columns=columns))
    assert isnan(pairs[288][1][1])
    for i in range(319, len(net), 41):
        now = sum(net[i - 9 : i + 1])
        last = (i + 1) // 10 - 1  # whole seconds that ended a second ago or earlier
        sums = [sum(net[10 * k : 10 * k + 10]) for k in range(max(0, last - 299), last)] + [now]
        z, fired = indicator.judge(*pairs[i], indicator.levels, True)
        assert z == pytest.approx(now / pstdev(sums), rel=1e-9), f"seed 4, row {i}"
        assert fired == (z < -3)
    assert indicator.judge((-3.0, 1e9), (0.0, 1.0, 0.0), indicator.levels, False) == (-3.0, False)
    assert indicator.judge((-3.1, 1e9), (0.0, 1.0, 0.0), indicator.levels, False) == (-3.1, True)


def test_message_velocity(seed: Callable[[str], Any]) -> None:
    """Count of the last second over the mean per second of 300 s, itself included, from 60 s on; no floor and no excess gate."""
    indicator = seed("message_velocity")
    columns = flow(random.Random(5))
    pairs = drive(indicator, make_rows([100.0] * SECONDS, columns=columns))
    for i in range(9, rows_of(SECONDS), 53):
        ratios = []
        for name in ("trades", "quotes", "updates"):
            now = sum(columns[name][i - 9 : i + 1])
            last = (i + 1) // 10 - 1
            counts = [sum(columns[name][10 * k : 10 * k + 10]) for k in range(max(0, last - 299), last)] + [now]
            if len(counts) >= 60:
                ratios.append(now / fmean(counts))
        value, _ = indicator.judge(*pairs[i], indicator.levels, False)
        if ratios:
            assert value == pytest.approx(max(ratios), rel=1e-12), f"seed 5, row {i}"
        else:
            assert isnan(value)
    nan = float("nan")
    assert indicator.judge((1.0, nan, nan), (0.3, nan, nan), indicator.levels, False)[1]
    assert not indicator.judge((0.9, nan, nan), (0.3, nan, nan), indicator.levels, True)[1]


def test_depth_baseline_includes_the_window(seed: Callable[[str], Any]) -> None:
    """The mean of L covers the last 60 whole seconds without a guard."""
    totals = [1000.0 * (1 + i) for i in range(rows_of(SECONDS))]
    rows = make_rows([100.0] * SECONDS, columns={"top_bid_notional": totals}, top_ask_notional=0.0)
    assert drive(seed("depth"), rows)[-1][1][0] == pytest.approx(fmean(totals[-603:-3]), rel=1e-12)
