"""The harness runs real sessions around a plugin: isolated, by tape or step by step, and clear about misuse."""

import signal
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from attrs import frozen

from flashcrash_core.api import (
    BuildContext,
    ConfigError,
    FeatureRow,
    FillRecord,
    IndicatorSpec,
    Instrument,
    IntentRecord,
    PluginInfo,
    PluginNotFound,
    StepIndicator,
    TransitionRecord,
    UsageError,
    hookimpl,
    simulated_instrument,
)
from flashcrash_core.testing import ManualClock, PluginHarness, Tape, tape
from flashcrash_core.testing.tapes import delayed


class LastState(NamedTuple):
    """The last ratio."""

    last: list[float]


@frozen
class ShareConfig:
    """Settings of the example."""

    trigger: float = 0.9


def seller_share(state: LastState, row: FeatureRow, _params: None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sellers' share of the row's traded notional."""
    total = row.buy_notional + row.sell_notional
    if total > 0:
        state.last[0] = row.sell_notional / total
    return (state.last[0],), ()


def judge(statistic: tuple[float, ...], _baseline: tuple[float, ...], levels: ShareConfig, _was: bool) -> tuple[float, bool]:
    """Fired from the trigger on."""
    return statistic[0], statistic[0] >= levels.trigger


def plugin(step: Any = seller_share, name: str = "seller-share") -> ModuleType:
    """A plugin module with one indicator that uses ``step``; it counts session edges in ``told``."""
    module = ModuleType(name.replace("-", "_"))

    def build(config: ShareConfig, _context: BuildContext) -> StepIndicator:
        return StepIndicator(judge, config, step=step, state=LastState([float("nan")]), params=None)

    @hookimpl
    def flashcrash_indicators() -> list[IndicatorSpec]:
        return [IndicatorSpec(name=name, summary="sellers' share", config=ShareConfig, build=build, statistics=("share",))]

    @hookimpl
    def flashcrash_session_start(session_id: str) -> None:
        module.told.append(f"start {session_id}")  # type: ignore[attr-defined]

    @hookimpl
    def flashcrash_session_end(session_id: str, report: dict[str, Any]) -> None:
        module.told.append(f"end {report['status']}")  # type: ignore[attr-defined]

    module.told = []  # type: ignore[attr-defined]
    module.flashcrash_plugin = PluginInfo(api=1, summary="test")  # type: ignore[attr-defined]
    for hook in (flashcrash_indicators, flashcrash_session_start, flashcrash_session_end):
        setattr(module, hook.__name__, hook)
    return module


@pytest.fixture(scope="module")
def crash() -> Tape:
    """The default crash."""
    return tape("crash_and_bounce")


@pytest.fixture
def harness() -> Iterator[PluginHarness]:
    """An open harness with the first-party plugins only."""
    with PluginHarness() as one:
        yield one


@pytest.fixture(scope="module")
def played(crash: Tape) -> Iterator[PluginHarness]:
    """A harness that has played the crash with the example plugin."""
    with PluginHarness(plugin()) as one:
        one.play(crash)
        yield one


# -- whole tapes -------------------------------------------------------------------------------------------------------


def test_a_crash_is_detected_and_traded(played: PluginHarness, crash: Tape) -> None:
    """The session on the crash tape goes through ALERT and ACTIVE after the fall began, and fills orders of the paper executor."""
    assert played.states[:3] == ("SLEEP", "ALERT", "ACTIVE")
    active = next(record for record in played.records(TransitionRecord) if record.target == "ACTIVE")
    assert crash.facts.fall_us is not None
    assert crash.facts.trough_us is not None
    assert crash.facts.fall_us < active.t_us < crash.facts.trough_us
    assert len(played.records(FillRecord)) >= 2
    assert played.records(IntentRecord)[0].kind == "submit"
    assert played.report["status"] == "done"
    assert played.report["data_tier"] == "synthetic"


@pytest.mark.parametrize("name", ["calm", "flat", "bad_print", "gap", "feed_freeze", "empty_book"])
def test_what_is_no_crash_wakes_nobody(name: str, harness: PluginHarness) -> None:
    """On tapes without a crash the shipped detector never becomes ACTIVE, and no shipped indicator faults."""
    harness.play(tape(name))
    assert "ACTIVE" not in harness.states
    assert harness.faults == ()


def test_there_is_a_reading_for_every_row(played: PluginHarness, crash: Tape) -> None:
    """Readings lie on the rows of the tape, with time, statistic and value as the formula gives them."""
    readings = played.readings("seller-share")
    rows = crash.rows()
    assert [reading.t_us for reading in readings] == [row.t_us for row in rows]
    assert list(map(repr, played.rows)) == list(map(repr, rows))
    last = float("nan")
    for row, reading in zip(rows, readings, strict=True):
        if row.buy_notional + row.sell_notional > 0:
            last = row.sell_notional / (row.buy_notional + row.sell_notional)
        assert reading.ready == (not isnan(last))
        assert (reading.value == last) if reading.ready else (reading.value is None)
        assert reading.statistic[0] == last or isnan(last)
    assert any(reading.fired for reading in readings)


def test_the_harness_decides_as_the_command_does(tmp_path: Path, harness: PluginHarness) -> None:
    """The same events through launch.execute give the same decisions: the harness is the real session, not a likeness."""
    from flashcrash_core.api import SimulatedMarket, scenario_preset
    from flashcrash_core.runtime.launch import execute
    from flashcrash_core.runtime.request import RunRequest

    changes: dict[str, Any] = {"calm_s": 330, "aftermath_s": 20, "trades_per_s": 5.0, "quotes_per_s": 10.0}
    scenario = scenario_preset("crash_and_bounce", **changes)
    overrides = tuple(f"feeds.simulated.{key}={value}" for key, value in changes.items())
    report = execute(RunRequest(db=str(tmp_path / "run.db"), keep=False, overrides=overrides))
    assert report["decisions"] > 0
    harness.play(tuple(SimulatedMarket(scenario, 1).events()))
    assert harness.report["decision_hash"] == report["decision_hash"]
    assert harness.report["trades"] == report["trades"]
    assert harness.report["events"] == report["events"]


def test_parts_of_a_tape_decide_as_the_whole(played: PluginHarness, crash: Tape) -> None:
    """Played in three parts, the tape gives the decisions, trades and readings that it gives in one."""
    with PluginHarness(plugin()) as one:
        for start, stop in ((0, 7_000), (7_000, 15_000)):
            one.play(crash.events[start:stop], end=False)
        assert one.report["events"] == 15_000
        one.play(crash.events[15_000:])
        assert one.report["decision_hash"] == played.report["decision_hash"]
        assert one.report["events"] == played.report["events"]
        assert one.report["trades"] == played.report["trades"]
        assert list(map(repr, one.readings("volatility"))) == list(map(repr, played.readings("volatility")))


def test_events_may_be_played_instead_of_a_tape(harness: PluginHarness, crash: Tape) -> None:
    """A disturbed tape is a tuple of events, and is played as such."""
    harness.play(delayed(crash.events, 1))
    assert harness.report["events"] == len(crash.events)


def test_a_tape_of_trades_runs_without_a_book(harness: PluginHarness) -> None:
    """A tape without a book makes a session without one: indicators that need it say ``no_book``."""
    harness.play(tape("calm", has_book=False))
    assert harness.readings("depth")[-1].reason == "no_book"
    assert harness.readings("volatility")[-1].ready


# -- the plugin under test ---------------------------------------------------------------------------------------------


def test_an_object_is_used_beside_the_first_party_plugins(played: PluginHarness) -> None:
    """The registry has the eight shipped indicators and the object's, which is told of both ends of the session."""
    assert {"volatility", "depth", "seller-share"} <= set(played.registry.indicators)
    assert len(played.registry.indicators) == 9
    module = next(one.module for one in played.registry.plugins if one.candidate.name == "seller-share")
    assert module.told == ["start harness", "end done"]


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    """A path names a plugin file, configured by dotted keys."""
    source = tmp_path / "twice.py"
    source.write_text(
        "from attrs import frozen\n"
        "from flashcrash_core.api import IndicatorSpec, PluginInfo, StepIndicator, hookimpl\n"
        "from typing import NamedTuple\n"
        "flashcrash_plugin = PluginInfo(api=1, summary='x')\n"
        "class S(NamedTuple):\n    n: list[float]\n"
        "@frozen\nclass C:\n    factor: float = 2.0\n"
        "def step(state, row, params):\n    return (row.price * params.factor,), ()\n"
        "def judge(statistic, baseline, levels, was):\n    return statistic[0], False\n"
        "def build(config, context):\n    return StepIndicator(judge, config, step=step, state=S([0.0]), params=config)\n"
        "@hookimpl\ndef flashcrash_indicators():\n"
        "    return [IndicatorSpec(name='twice', summary='x', config=C, build=build, statistics=('x',))]\n"
    )
    with PluginHarness(str(source), config={"indicators.twice.factor": 4.0}) as harness:
        harness.trade(50_000, "0.01")
        harness.book([(49_999, 1)], [(50_001, 1)])
        harness.clock.advance(0.3)
        assert harness.readings("twice")[-1].value == 200_000


def test_a_fault_is_contained_and_shown() -> None:
    """A plugin that raises is missing, its faults are listed with their error, and the session ends well."""

    def broken(state: LastState, row: FeatureRow, params: None) -> Any:
        raise ZeroDivisionError("by nothing")

    with PluginHarness(plugin(broken, "broken")) as harness:
        harness.play(tape("calm", seconds=20))
        assert harness.report["status"] == "done"
        assert "broken" in harness.faults[0].values()
        assert "ZeroDivisionError: by nothing" in str(harness.faults[0])
        last = harness.readings("broken")[-1]
        assert (last.ready, last.reason) == (False, "quarantined")


def test_a_plugin_can_be_left_out() -> None:
    """``no:NAME`` leaves a first-party plugin out."""
    with PluginHarness("no:depth") as harness:
        harness.trade("50000", "0.01")
        with pytest.raises(UsageError, match='no indicator "depth"'):
            harness.readings("depth")


def test_no_configuration_from_outside_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's files and the environment do not reach the session under test."""
    (tmp_path / "local.toml").write_text("[run]\nseed = 77\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASHCRASH_RUN__SEED", "78")
    assert PluginHarness().config.settings.run.seed == 1
    assert PluginHarness(config={"run.seed": 9}).config.settings.run.seed == 9


def test_two_harnesses_do_not_see_each_other(crash: Tape) -> None:
    """Each has its own registry, session and store, open at the same time."""
    with PluginHarness(plugin()) as first, PluginHarness() as second:
        first.trade(50_000, 1)
        second.trade(49_000, 1)
        second.clock.advance(5)
        assert "seller-share" in first.registry.indicators
        assert "seller-share" not in second.registry.indicators
        assert (first.session.seq, second.session.seq) == (1, 2)


# -- step by step ------------------------------------------------------------------------------------------------------


def test_time_passes_only_when_told(harness: PluginHarness) -> None:
    """Rows close when the clock advances: none before, ten for a second."""
    harness.book([("49999.5", 2), (49_999, 3)], [("50000.5", 1.5)])
    harness.trade(50_000, 0.25, "sell")
    assert harness.rows == ()
    harness.clock.advance(1)
    assert len(harness.rows) == 10
    row = harness.rows[0]
    assert (row.bid, row.ask, row.price, row.last_trade) == (49_999.5, 50_000.5, 50_000.0, 50_000.0)
    assert (row.sell_notional, row.buy_notional, row.trades) == (12_500.0, 0.0, 1)
    assert harness.rows[5].sell_notional == 0.0


def test_a_second_book_is_told_as_changes(harness: PluginHarness) -> None:
    """The book that the session has is the one given last; what was left out is gone."""
    harness.book([(100, 1), (99, 2)], [(101, 1)])
    harness.book([(99, 5)], [(101, 1), (102, 7)])
    market = harness.session.lanes["SIMUSDT"].market
    instrument = simulated_instrument("SIMUSDT")
    tick, lot = instrument.tick, instrument.lot
    assert [(round(p * tick), round(q * lot)) for p, q in market.book.bids] == [(99, 5)]
    assert [(round(p * tick), round(q * lot)) for p, q in market.book.asks] == [(101, 1), (102, 7)]
    assert market.book_synced


def test_a_gap_makes_the_book_unusable_until_the_next_one(harness: PluginHarness) -> None:
    """After ``gap`` rows are unhealthy; the next ``book`` is a snapshot and heals them."""
    harness.book([(100, 1)], [(101, 1)])
    harness.clock.advance(0.1)
    harness.gap()
    harness.clock.advance(0.2)
    assert harness.rows[-1].unhealthy
    harness.book([(100, 1)], [(101, 1)])
    harness.clock.advance(0.1)
    assert not harness.rows[-1].unhealthy
    assert harness.rows[-1].bid == 100.0


def test_a_quote_moves_the_best_prices(harness: PluginHarness) -> None:
    """A ticker between two books is what the row shows."""
    harness.book([(100, 1)], [(102, 1)])
    harness.quote("100.5", 101)
    harness.clock.advance(0.1)
    assert (harness.rows[-1].bid, harness.rows[-1].ask) == (100.5, 101.0)


def test_finish_ends_the_session_once(harness: PluginHarness) -> None:
    """``finish`` gives the report and again the same one; before it the report is of the session so far."""
    harness.trade(100, 1)
    harness.clock.advance(1)
    assert harness.report["events"] == 2
    report = harness.finish()
    assert harness.finish() is report
    assert harness.report is report
    assert (report["status"], report["events"]) == ("done", 2)


def test_another_instrument_has_another_grid() -> None:
    """The session trades the instrument that it is given."""
    from decimal import Decimal

    coin = Instrument("COINUSDT", Decimal("0.5"), Decimal("1"))
    with PluginHarness(instrument=coin) as harness:
        harness.trade("10.5", 3)
        assert list(harness.session.lanes) == ["COINUSDT"]
        with pytest.raises(UsageError, match=r"price 10\.3 does not fit COINUSDT \(tick 0\.5\): off_tick"):
            harness.trade("10.3", 3)
        with pytest.raises(UsageError, match=r"the tape is of SIMUSDT .* this session of COINUSDT"):
            harness.play(tape("calm", seconds=20))


# -- misuse ------------------------------------------------------------------------------------------------------------


def test_an_unknown_indicator_is_named_with_the_nearest(played: PluginHarness) -> None:
    """A misspelt name is answered with the one that was meant."""
    with pytest.raises(UsageError, match=r'no indicator "seler-share".*did you mean "seller-share"'):
        played.readings("seler-share")


def test_what_comes_too_late_is_refused(crash: Tape) -> None:
    """After the end, after close, before open: each says so."""
    never = PluginHarness()
    with pytest.raises(UsageError, match="play before it is open"):
        never.play(crash)
    with PluginHarness() as harness:
        with pytest.raises(UsageError, match="nothing has happened yet"):
            harness.readings("volatility")
        harness.play(tape("calm", seconds=20))
        with pytest.raises(UsageError, match="play after the session has ended"):
            harness.play(crash)
        with pytest.raises(UsageError, match=r"clock\.advance after the session has ended"):
            harness.clock.advance(1)
    for late in (lambda: harness.play(crash), lambda: harness.trade(1, 1), harness.open, lambda: harness.records(FillRecord)):
        with pytest.raises(UsageError, match="clos"):
            late()
    harness.close()
    assert harness.report["status"] == "done"


def test_the_store_is_gone_after_close() -> None:
    """The temporary folder is removed, also when the test failed inside."""
    folders: list[Path] = []

    def fail() -> None:
        with PluginHarness() as harness:
            assert harness._folder is not None
            folders.append(Path(harness._folder.name))
            assert (folders[0] / "session.db").exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not folders[0].exists()


@pytest.mark.parametrize(
    ("played", "said"),
    [
        ("calm", r"play\('calm'\): a name is no tape yet; write play\(tape\('calm'\)\)"),
        (7, "play takes a tape or a list of events, not an int"),
        ([1, 2], "play takes a tape or a list of events, not a list"),
    ],
)
def test_what_is_no_tape_is_refused(played: object, said: str) -> None:
    """A tape's name, or a list of something else, is a UsageError that says what to write."""
    with PluginHarness() as harness, pytest.raises(UsageError, match=said):
        harness.play(played)  # type: ignore[arg-type]


def test_a_tape_of_the_past_is_refused(crash: Tape) -> None:
    """Time only goes forward: the same tape cannot follow itself."""
    with PluginHarness() as harness:
        harness.play(crash.events[:2_000], end=False)
        with pytest.raises(UsageError, match=r"begins .* s in the past"):
            harness.play(crash, end=False)
        with pytest.raises(UsageError, match="nothing to play"):
            harness.play((), end=False)


def test_an_interrupt_is_not_swallowed() -> None:
    """Ctrl-C during a tape ends the test, as it does everywhere else, and the session counts as failed."""

    def interrupted(state: LastState, row: FeatureRow, params: None) -> Any:
        signal.raise_signal(signal.SIGINT)
        return (0.5,), ()

    with PluginHarness(plugin(interrupted, "interrupter")) as harness:
        with pytest.raises(KeyboardInterrupt):
            harness.play(tape("calm", seconds=20))
        with pytest.raises(UsageError, match="after the session failed with KeyboardInterrupt"):
            harness.finish()


@pytest.mark.parametrize(
    ("plugins", "options", "error", "message"),
    [
        (("volatilty",), {}, PluginNotFound, 'did you mean "volatility"'),
        (("./nowhere.py",), {}, PluginNotFound, "there is no such file"),
        (("a,b",), {}, UsageError, "give each one by itself"),
        ((), {"config": {"indicators.volatility.tigger": 1}}, ConfigError, "tigger"),
        ((), {"config": {"run.db": "x.db"}}, UsageError, "temporary"),
        ((), {"config": {"run.seed": None}}, UsageError, "run.seed = None: give text"),
        ((), {"profile": "robst"}, ConfigError, "robust"),
        ((SimpleNamespace(), SimpleNamespace()), {}, UsageError, "two plugin objects are called simplenamespace"),
    ],
)
def test_what_is_wrong_is_said_at_once(
    plugins: tuple[Any, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Faults of names and configuration are raised when the harness is made, not when it is used."""
    with pytest.raises(error, match=message):
        PluginHarness(*plugins, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: h.trade("abc", 1), "not a number"),
        (lambda h: h.trade(float("nan"), 1), "nan"),
        (lambda h: h.trade(-5, 1), "negative"),
        (lambda h: h.trade("0.001", 1), "off_tick"),
        (lambda h: h.trade(100, 0), "at least one lot"),
        (lambda h: h.trade(100, 1, "seller"), 'neither "buy" nor "sell"'),
        (lambda h: h.book([(100, 0)], []), "at least one lot"),
        (lambda h: h.clock.advance(0), "time only goes forward"),
        (lambda h: h.clock.advance(float("inf")), "time only goes forward"),
    ],
)
def test_impossible_events_are_refused(call: Any, message: str, harness: PluginHarness) -> None:
    """Numbers off the grid and time that does not pass raise UsageError, and leave the session as it was."""
    with pytest.raises(UsageError, match=message):
        call(harness)
    harness.trade(100, 1)
    assert harness.session.seq == 1


def test_the_clock_alone_moves_only_forward() -> None:
    """A clock without a harness counts microseconds and calls its listener."""
    seen: list[int] = []
    clock = ManualClock(1_000, seen.append)
    assert clock.advance(0.5) == 501_000
    assert seen == [501_000]
    clock.follow(400_000)
    assert clock.now_us == 501_000
