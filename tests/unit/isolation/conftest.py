"""A stage for hostile plugins: the shipped pipeline over a small simulated crash with trades in it, stored in memory.

Each hostile plugin behaves like a shipped one until the first position is open, and then turns.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest

from flashcrash_core.api import (
    ExecutorSpec,
    FaultRecord,
    FeedSpec,
    FillRecord,
    FlashcrashError,
    IndicatorSpec,
    IntentRecord,
    NoticeRecord,
    PluginInfo,
    Record,
    ScoreRecord,
    ScorerSpec,
    SessionRecord,
    Side,
    StoreSpec,
    StrategySpec,
    TradeRecord,
    TransitionRecord,
    hookimpl,
)
from flashcrash_core.config import load_config, resolve_plugins
from flashcrash_core.registry import load_registry
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.report import build_report
from flashcrash_core.runtime.runner import Runner, RunOptions, RunOutcome
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

SMALL = {"calm_s": 330, "quotes_per_s": 5, "trades_per_s": 4, "aftermath_s": 60}
R = TypeVar("R", bound=Record)


class Hostile:
    """A plugin made of shipped parts, one of them changed. ``parts`` maps a kind to ``change(spec) -> spec``."""

    flashcrash_plugin = PluginInfo(api=1, summary="turns on its host")

    def __init__(self, **parts: Callable[[Any], Any]) -> None:
        self._parts = parts
        self._own = load_registry()

    def _changed(self, kind: str, name: str) -> list[Any]:
        if kind not in self._parts:
            return []
        return [attrs.evolve(self._parts[kind](getattr(self._own, kind)[name]), name="hostile")]

    @hookimpl
    def flashcrash_indicators(self) -> list[IndicatorSpec]:
        return self._changed("indicators", "volume_delta")

    @hookimpl
    def flashcrash_strategies(self) -> list[StrategySpec]:
        return self._changed("strategies", "percentile")

    @hookimpl
    def flashcrash_scorers(self) -> list[ScorerSpec]:
        return self._changed("scorers", "weighted")

    @hookimpl
    def flashcrash_executors(self) -> list[ExecutorSpec]:
        return self._changed("executors", "paper")

    @hookimpl
    def flashcrash_feeds(self) -> list[FeedSpec]:
        return self._changed("feeds", "simulated")

    @hookimpl
    def flashcrash_stores(self) -> list[StoreSpec]:
        return self._changed("stores", "sqlite")


USES = {
    "indicators": "indicators.volume_delta.use=hostile",
    "strategies": "strategy.use=hostile",
    "scorers": "scorer.use=hostile",
    "executors": "executor.use=hostile",
    "feeds": "run.feed=hostile",
    "stores": "storage.use=hostile",
}


@attrs.define
class Played:
    """A run and what it left."""

    composition: Composition
    runner: Runner
    store: SqliteStore
    outcome: RunOutcome | None = None
    error: FlashcrashError | None = None

    @property
    def session(self) -> Any:
        return self.composition.session

    @property
    def lane(self) -> Any:
        (lane,) = self.session.lanes.values()
        return lane

    def of(self, kind: type[R]) -> list[R]:
        return self.store.read("s", kind)

    @property
    def faults(self) -> list[FaultRecord]:
        return self.of(FaultRecord)

    def report(self) -> dict[str, Any]:
        assert self.outcome is not None, self.error
        return build_report(self.composition, self.outcome, self.runner.sink.tally, mode="paper", engine="stream", session_id="s")

    def decisions(self) -> list[Any]:
        """All that was decided, without the numbers of events."""
        kinds: tuple[type[Record], ...] = (TransitionRecord, ScoreRecord, IntentRecord, NoticeRecord, FillRecord, TradeRecord)
        return [[repr(row) for row in self.of(kind)] for kind in kinds]

    def left(self) -> None:
        """What was bought was sold: exits worked to the end, and the books balance."""
        assert self.of(FillRecord), "nothing was ever bought: the test shows nothing"
        sides = {Side.BUY: 0, Side.SELL: 0}
        for fill in self.of(FillRecord):
            sides[Side(fill.side)] += fill.qty_lots
        assert sides[Side.BUY] == sides[Side.SELL]
        assert not self.session.blotter.positions
        self.session.check()


Play = Callable[..., Played]


@pytest.fixture(scope="session")
def play_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """``play(strategies=change, overrides=[...], budget_ms=..., stopwatch=...)``: one run through the crash."""
    folder: Path = tmp_path_factory.mktemp("isolation")
    stores: list[SqliteStore] = []

    def play(
        *,
        overrides: list[str] | None = None,
        budget_ms: float = 0.0,
        stopwatch: Any = None,
        run: bool = True,
        **parts: Callable[[Any], Any],
    ) -> Played:
        registry = load_registry("+hostile", objects={"hostile": Hostile(**parts)}) if parts else load_registry()
        feed = "hostile" if "feeds" in parts else "simulated"
        chosen = [USES[kind] for kind in parts] + [f"feeds.{feed}.{key}={value}" for key, value in SMALL.items()]
        config = load_config(environ={}, cwd=folder, overrides=[*chosen, *(overrides or ())])
        plugins = resolve_plugins(config, registry)
        store = SqliteStore(SqliteConfig(), ":memory:")
        stores.append(store)
        record = SessionRecord(
            id="s", mode="paper", status="running", symbols=("SIMUSDT",), profile="robust", data_tier="synthetic", version="0",
            plugins={}, config={}, inputs={}, wall_started="",
        )  # fmt: skip
        store.begin_session(record)
        source, _ = open_run_input(config.settings, plugins, paths=(), feed=None)
        composition = compose(config, plugins, source)
        options = RunOptions(plugin_budget_ns=round(budget_ms * 1e6))
        extra = {} if stopwatch is None else {"stopwatch": stopwatch}
        runner = Runner(composition.session, composition.executor, store, "s", options, **extra)
        played = Played(composition, runner, store)
        if not run:
            return played
        try:
            played.outcome = runner.run(source)
        except FlashcrashError as error:
            played.error = error
        return played

    yield play
    for store in stores:
        store.close()


@pytest.fixture
def play(play_session: Play) -> Play:
    return play_session


@pytest.fixture(scope="session")
def plain(play_session: Play) -> Played:
    """The run without anything hostile."""
    played = play_session()
    assert len(played.of(TradeRecord)) >= 3
    return played


@pytest.fixture(scope="session")
def open_us(plain: Played) -> int:
    """When the first position is open: event time of the first fill."""
    return plain.of(FillRecord)[0].t_us
