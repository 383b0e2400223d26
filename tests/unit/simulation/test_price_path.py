"""The market does what its scenario says: calm is calm, the crash falls as far as stated and bounces as far as stated."""

import itertools
from math import log

import pytest

from flashcrash_core.errors import ConfigError
from flashcrash_core.market.events import Trade
from flashcrash_core.simulation.path import draw_path
from flashcrash_core.simulation.scenario import MARKET_PRESETS, MarketScenario, scenario_preset

SEEDS = (1, 2)
seeds = pytest.mark.parametrize("seed", SEEDS)


def _seconds(events) -> dict[int, list[int]]:
    """Trade prices in ticks by second."""
    seconds: dict[int, list[int]] = {}
    for event in events:
        if isinstance(event, Trade):
            seconds.setdefault(event.exchange_us // 1_000_000, []).append(event.price_ticks)
    return seconds


@seeds
def test_the_calm_has_no_violent_second(record, seed):
    """No second of the calm preset moves by 0.1 % or more, and five minutes stay within 1 %."""
    closes = [prices[-1] for _, prices in sorted(_seconds(record("calm", seed)).items())]
    assert len(closes) > 590
    assert max(abs(log(b / a)) for a, b in itertools.pairwise(closes)) < 0.001
    assert max(closes) / min(closes) < 1.01


@seeds
@pytest.mark.parametrize("preset", ["crash_and_bounce", "crash_without_bounce"])
def test_the_crash_falls_and_bounces_by_the_stated_fractions(record, preset, seed):
    """Trades fall by crash_fall from the calm's last price to the low within crash_s, and then recover bounce_fraction of it."""
    scenario = MARKET_PRESETS[preset]
    events = record(preset, seed)
    start_s, end_s = scenario.crash_start_us // 1_000_000, scenario.end_us // 1_000_000
    seconds = _seconds(events)
    before = seconds[start_s - 1][-1]
    low = min(min(prices) for second, prices in seconds.items() if start_s <= second < start_s + scenario.crash_s)
    assert low == min(min(prices) for prices in seconds.values())
    assert 1 - low / before == pytest.approx(scenario.crash_fall, abs=0.004)
    last = seconds[end_s - 1][-1]
    assert log(last / low) / log(before / low) == pytest.approx(scenario.bounce_fraction, abs=0.05)


@seeds
def test_the_up_squeeze_is_the_mirror(record, seed):
    """The upward preset rises as far, in log price, as the crash falls."""
    scenario = MARKET_PRESETS["up_squeeze"]
    seconds = _seconds(record("up_squeeze", seed))
    before = seconds[scenario.crash_start_us // 1_000_000 - 1][-1]
    high = max(max(prices) for prices in seconds.values())
    assert log(high / before) == pytest.approx(-log(1 - scenario.crash_fall), abs=0.004)


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_drawn_trough_is_the_low_of_the_path(seed):
    """The path's lowest node lies at the end of the last fall for any seed."""
    scenario = MarketScenario()
    path = draw_path(scenario, seed)
    lowest = int(path.price.argmin())
    assert path.trough_index is not None
    assert abs(lowest - path.trough_index) <= 2
    assert (scenario.calm_s + scenario.crash_s) * 10 > lowest > (scenario.calm_s + scenario.crash_s * 0.7) * 10
    assert len(path.price) == scenario.duration_s * 10 + 1


def test_the_crash_offers_bought_failed_and_missed_entries(record):
    """Of the low fifths of the crash's bullish seconds some are retested and bought, some fail, some are not retested."""
    scenario = MARKET_PRESETS["crash_and_bounce"]
    start_s = scenario.crash_start_us // 1_000_000
    seconds = _seconds(record("crash_and_bounce", 1))
    seen = {"bought": 0, "failed": 0, "missed": 0}
    for second in range(start_s, start_s + scenario.crash_s - 4):
        bar, retest = seconds[second], seconds[second + 2]
        low, high = min(bar), max(bar)
        if bar[-1] <= bar[0] or (high - low) / low < 0.005 or max(seconds[second - 1]) < low + 0.2 * (high - low):
            continue
        entry, target = low + 0.2 * (high - low), low + 0.8 * (high - low)
        if min(retest) >= entry:
            seen["missed"] += 1
        elif max(retest[len(retest) // 2 :]) > target:
            seen["bought"] += 1
        elif min(seconds[second + 4]) < low:
            seen["failed"] += 1
    assert min(seen.values()) >= 1, seen
    assert seen["bought"] >= 2, seen


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"crash_s": 10}, "too short for 5 legs"),
        ({"crash_s": 0}, "crash_fall = 0"),
        ({"bounce_s": 10}, "too short for 3 swings"),
        ({"crash_fall": 0.95}, "crash_fall"),
        ({"calm_s": 0}, "calm_s"),
        ({"no_such_field": 1}, "no_such_field"),
    ],
)
def test_an_impossible_scenario_is_refused(changes, part):
    """Values that do not fit are named in the error."""
    with pytest.raises(ConfigError, match=part):
        scenario_preset("crash_and_bounce", **changes)


def test_an_unknown_preset_names_the_known_ones():
    """The error lists the presets."""
    with pytest.raises(ConfigError, match="crash_and_bounce, calm"):
        scenario_preset("no_such")
