"""Strategies, scorers and indicators that fail: the same faults at the same events in both engines, and the same end."""

from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from engine_pair import Market, batched, differences, market_of, request, require_equal, streamed
from msgspec.structs import replace

from flashcrash_core.runtime.batching import BatchRefused
from flashcrash_core.runtime.launch import RunRequest

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

STRATEGY = '''
"""The shipped strategy, which fails at the bars of some seconds and at some calls, and says what it had been shown by then."""

import zlib

from attrs import evolve

from flashcrash_core.api import PluginInfo, hookimpl
from flashcrash_strategies import percentile

flashcrash_plugin = PluginInfo(api=1, summary="Fails at some bars.")


class Failing:
    def __init__(self, inner):
        self.inner, self.bars, self.seen, self.calls = inner, 0, 0, 0

    def on_bar(self, bar):
        self.bars += 1
        self.seen = zlib.crc32(repr(bar).encode(), self.seen)
        self.inner.on_bar(bar)
        if bar.start_us // 1_000_000 - FROM_S in BARS:
            raise ValueError(f"bar {self.bars}, all of them {self.seen:08x}")

    def decide(self, moment):
        self.calls += 1
        if self.calls in CALLS:
            raise ValueError(f"call {self.calls} after bar {self.bars} of {self.seen:08x}")
        return self.inner.decide(moment)

    def __getattr__(self, name):
        return getattr(self.inner, name)


BARS, CALLS, MEMORY = @bars, @calls, @memory
FROM_S = 1_893_456_000


@hookimpl
def flashcrash_strategies():
    (shipped,) = percentile.flashcrash_strategies()
    memory = shipped.bar_memory if MEMORY else None
    build = lambda config, context: Failing(shipped.build(config, context))
    return [evolve(shipped, name="failing", build=build, bar_memory=memory)]
'''
SCORER = '''
"""The shipped scorer, which fails at some calls."""

from attrs import evolve

from flashcrash_core.api import PluginInfo, hookimpl
from flashcrash_scoring import weighted

flashcrash_plugin = PluginInfo(api=1, summary="Fails at some calls.")


class Failing:
    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    def score(self, context):
        self.calls += 1
        if self.calls in CALLS:
            raise ValueError(f"call {self.calls} at {context.now_us}")
        return self.inner.score(context)


CALLS = @calls


@hookimpl
def flashcrash_scorers():
    (shipped,) = weighted.flashcrash_scorers()
    return [evolve(shipped, name="failing", build=lambda config: Failing(shipped.build(config)))]
'''
INDICATOR = '''
"""The shipped spread, which can be built only so many times."""

import os

from attrs import evolve

from flashcrash_core.api import PluginInfo, hookimpl
from flashcrash_indicators import spread

flashcrash_plugin = PluginInfo(api=1, summary="Cannot be built again.")

built = 0


def build(config, context):
    global built
    built += 1
    if built in FAILS:
        raise ValueError(f"build failed")
    return spread.build(config, context)


FAILS = @fails


@hookimpl
def flashcrash_indicators():
    (shipped,) = spread.flashcrash_indicators()
    return [evolve(shipped, name="failing", build=build)]
'''
QUIET = ("feeds.simulated.trades_per_s=2", "feeds.simulated.quotes_per_s=2")
EAGER = ("strategy.score_threshold=0", "strategy.volume_ratio=0", "strategy.min_range_pct=0")


def asked(tmp_path: Path, source: str, use: str, *overrides: str, symbols: tuple[str, ...] = (), **values: object) -> RunRequest:
    """A run with a plugin of these values."""
    for name, value in values.items():
        source = source.replace(f"@{name}", repr(value))
    path = tmp_path / f"failing_{crc32(source.encode()):08x}.py"  # a module is loaded once
    path.write_text(source)
    return request(*QUIET, f'{use}="failing"', *overrides, plugins=f"+{path}", symbols=symbols)


def failing_strategy(
    tmp_path: Path, bars: set[int], *overrides: str, calls: Any = (), memory: bool = False, symbols: Any = ()
) -> RunRequest:
    """A run with a strategy that fails at the bars of these seconds, from 0, and at these calls, from 1."""
    values = {"bars": bars, "calls": calls, "memory": memory}
    return asked(tmp_path, STRATEGY, "strategy.use", *EAGER, *overrides, symbols=symbols, **values)


def paused(run: RunRequest, at_s: int, pause_s: int) -> Market:
    """The market of the run, standing still for a while."""
    market = market_of(run)
    at_us = market.events[0].receive_us + at_s * 1_000_000
    later_us = pause_s * 1_000_000
    stays = [event for event in market.events if event.receive_us < at_us]
    moved = [
        replace(event, exchange_us=event.exchange_us and event.exchange_us + later_us, receive_us=event.receive_us + later_us)
        for event in market.events[len(stays) :]
    ]
    return Market([*stays, *moved], market.symbols)


def faults(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The stored faults."""
    return [fields for commit in report["records"] for kind, fields in commit if kind == "FaultRecord"]


@pytest.mark.parametrize(
    ("bars", "overrides"),
    [
        ({100, 200, 343}, ()),
        ({100, 200, 210}, ()),
        ({1, 2, 3}, ('feeds.simulated.preset="calm"', "feeds.simulated.calm_s=20")),
        ({10, 50, 58}, ('feeds.simulated.preset="calm"', "feeds.simulated.calm_s=60")),
    ],
    ids=["the third while awake", "the third asleep", "the first ones", "the last one"],
)
def test_a_strategy_that_fails_at_bars(bars: set[int], overrides: tuple[str, ...], tmp_path: Path) -> None:
    """Each fault is found at its bar, asleep or awake, and the third one halts the run there."""
    report = require_equal(failing_strategy(tmp_path, bars, *overrides))
    assert [fault["call"] for fault in faults(report)] == ["on_bar"] * 3
    assert report["status"] == "halted"


@pytest.mark.parametrize("seed", range(2))
def test_strategies_of_two_symbols_fail_in_turn(seed: int, tmp_path: Path) -> None:
    """The bars of all symbols come in the order of their events, so the symbol that fails first halts both."""
    report = require_equal(
        failing_strategy(tmp_path, {100, 200, 340}, f"run.seed={seed}", symbols=("AAAUSDT", "BBBUSDT")), f"seed {seed}"
    )
    assert {fault["symbol"] for fault in faults(report)} == {"AAAUSDT", "BBBUSDT"}


@pytest.mark.parametrize("silence_s", [60, 4], ids=["within a stretch", "starting over"])
def test_several_bars_of_one_event(silence_s: int, tmp_path: Path) -> None:
    """After a pause one event closes many rows: two faults of one event are told apart, and committed together."""
    run = failing_strategy(tmp_path, {43, 44}, f"run.max_silence_s={silence_s}")
    report = require_equal(run, market=paused(run, 40, 30))
    first, second = faults(report)
    assert first["seq"] == second["seq"]
    assert first["call"] != second["call"]


def test_every_bar_is_shown_once(tmp_path: Path) -> None:
    """Over pauses that follow one another, each beyond every baseline, no bar is shown twice and none is left out."""
    run = failing_strategy(tmp_path, {120, 280}, "run.max_silence_s=1", "feeds.simulated.calm_s=60", 'run.price_source="trade"')
    market = market_of(run)
    trades = [event for event in market.events if type(event).__name__ == "Trade"]
    seldom = [
        replace(event, seq=seq, exchange_us=event.exchange_us + 3_000_000 * seq, receive_us=event.receive_us + 3_000_000 * seq)
        for seq, event in enumerate(trades[:100], 1)
    ]
    require_equal(run, market=Market(seldom, market.symbols))


def test_a_strategy_that_fails_in_decisions(tmp_path: Path) -> None:
    """Awake every call is the streaming engine's own."""
    report = require_equal(failing_strategy(tmp_path, set(), calls={3, 40, 90}))
    assert [fault["call"] for fault in faults(report)] == ["decide"] * 3
    assert report["status"] == "halted"


@pytest.mark.parametrize(("range_samples", "found"), [(40, 0), (1000, 1)], ids=["never shown", "shown on waking"])
def test_a_strategy_that_says_how_many_bars_it_needs(range_samples: int, found: int, tmp_path: Path) -> None:
    """While it sleeps it is shown only those that may decide, on waking: a fault is found late or never. The rest is as ever."""
    run = failing_strategy(tmp_path, {100}, f"strategy.range_samples={range_samples}", memory=True)
    stream, batch = streamed(run), batched(run)
    (at,), late = faults(stream), faults(batch)
    assert len(late) == found
    assert all(fault["t_us"] == at["t_us"] and fault["seq"] > at["seq"] for fault in late)
    assert differences(stream, batch).keys() <= {"faults", "records", "warnings"}


@pytest.mark.parametrize("calls", [{1}, {1, 2, 5}], ids=["once", "three times"])
def test_a_scorer_that_fails(calls: set[int], tmp_path: Path) -> None:
    """A score that fails refuses its entry, the third one all entries to come, on both symbols."""
    report = require_equal(
        asked(tmp_path, SCORER, "scorer.use", *EAGER, symbols=("AAAUSDT", "BBBUSDT"), calls=calls), f"calls {calls}"
    )
    assert [fault["stage"] for fault in faults(report)] == ["scorer"] * len(calls)


def silent(tmp_path: Path, fails: set[int]) -> tuple[RunRequest, Market]:
    """A run that starts over after a pause, with an indicator of which these builds fail."""
    run = asked(tmp_path, INDICATOR, "indicators.spread.use", "run.max_silence_s=4", "feeds.simulated.calm_s=60", fails=fails)
    return run, paused(run, 40, 30)


def test_an_indicator_that_cannot_be_built_again_after_a_silence(tmp_path: Path) -> None:
    """It is gone from the event on that ended the silence, at that event's time."""
    stream = streamed(*silent(tmp_path, {2}))
    run, market = silent(tmp_path, {4})  # the batch engine builds it once more to begin with, and once for its readings
    batch = batched(run, market=market)
    (fault,), (other,) = faults(stream), faults(batch)
    assert fault | {"message": ""} == other | {"message": ""}
    assert (fault["call"], fault["quarantined"]) == ("session", True)
    assert differences(stream, batch).keys() <= {"faults", "records", "indicators", "warnings"}


@pytest.mark.parametrize("fails", [{2, 3, 4}, {3}], ids=["never again", "not for its readings"])
def test_an_indicator_that_must_be_contained_is_refused(fails: set[int], tmp_path: Path) -> None:
    """Where a fresh program cannot be had for the readings the streaming engine has to do it."""
    run, market = silent(tmp_path, fails)
    with pytest.raises(BatchRefused, match="indicator spread"):
        batched(run, market=market)
