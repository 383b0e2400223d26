"""Readings that are kept: taken for every trial that changes no formula, and never for another tape or another formula."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flashcrash_core.api import DataTier, SimulatedMarket, TapeMarket, scenario_preset, simulated_instrument, write_tape
from flashcrash_core.batch import reading_cache
from flashcrash_core.batch.lane_columns import LaneColumns
from flashcrash_core.runtime import batching
from flashcrash_core.runtime.launch import RunRequest, execute

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

SYMBOL = "SIMUSDT"


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of a quarter of an hour with a crash."""
    market = SimulatedMarket(scenario_preset("crash_and_bounce", symbol=SYMBOL, trades_per_s=4.0, quotes_per_s=4.0), 3)
    markets = {SYMBOL: TapeMarket(simulated_instrument(SYMBOL), has_book=True, data_tier=DataTier.SYNTHETIC)}
    (published,) = write_tape(tmp_path_factory.mktemp("tapes"), market.events(), markets)
    return published.path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Readings are kept in a place of their own; they are written at once, and sensing is counted."""
    monkeypatch.setattr(reading_cache, "_home", lambda: tmp_path / "readings")

    class Now:
        def __init__(self, target: Any, args: tuple[Any, ...], name: str) -> None:
            self.start = lambda: target(*args)
            self.join = lambda: None

    monkeypatch.setattr(batching, "Thread", Now)
    return tmp_path / "readings"


@pytest.fixture
def sensed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every tape that is gone through."""
    gone: list[int] = []
    sense = LaneColumns.sense

    def counted(self: LaneColumns, *args: Any) -> None:
        gone.append(1)
        sense(self, *args)

    monkeypatch.setattr(LaneColumns, "sense", counted)
    return gone


def report(tape: Path, *overrides: str, cache: bool = True, engine: str = "batch") -> dict[str, Any]:
    """A backtest of the tape, without what may differ."""
    request = RunRequest(mode="backtest", paths=(tape,), overrides=overrides, keep=False, engine=engine, cache=cache)
    made = execute(request)
    return {key: value for key, value in made.items() if key not in ("wall_s", "engine", "stepped_events")}


def test_a_second_run_takes_what_the_first_kept(tape: Path, home: Path, sensed: list[int]) -> None:
    """The events are gone through once; every report is that of the streaming engine."""
    first, second, third = report(tape), report(tape), report(tape)
    assert len(sensed) == 1
    assert first == second == third == report(tape, engine="stream")


@pytest.mark.parametrize(
    "override",
    [
        "indicators.volatility.trigger=6",
        "indicators.imbalance.trigger=-0.7",
        "detector.hold_s=0",
        "strategy.score_threshold=10",
        "fees.maker_bps=2",
    ],
)
def test_other_thresholds_use_the_same_readings(tape: Path, home: Path, sensed: list[int], override: str) -> None:
    """A trial with another level, hold, score or fee goes through no event, and says what a run without cache says."""
    report(tape)
    trial = report(tape, override)
    assert len(sensed) == 1
    assert trial == report(tape, override, cache=False)
    assert trial == report(tape, override), "what the trial judged was kept, and is right the second time"


def test_another_formula_has_readings_of_its_own(tape: Path, home: Path, sensed: list[int]) -> None:
    """A window length is part of the formula."""
    report(tape)
    report(tape, "indicators.volatility.window_s=5")
    assert len(sensed) == 2
    assert len(list(home.iterdir())) == 2


def test_columns_that_were_edited_in_place_have_readings_of_their_own(
    tape: Path, tmp_path: Path, home: Path, sensed: list[int]
) -> None:
    """The manifest knows nothing of such an edit. The same files elsewhere, times and all, are the same tape."""
    mine = tmp_path / "mine"
    shutil.copytree(tape, mine)
    whole = report(mine)
    shutil.copytree(mine, tmp_path / "moved")
    assert report(tmp_path / "moved") == whole
    assert len(sensed) == 1
    lots = np.load(mine / "trades.qty_lots.npy", mmap_mode="r+")
    lots *= 3
    lots.flush()
    edited = report(mine)
    assert len(sensed) == 2
    assert edited == report(mine, cache=False)
    assert edited["decision_hash"] != whole["decision_hash"]


def test_damaged_readings_are_made_again(tape: Path, home: Path, sensed: list[int]) -> None:
    """A column that was cut short is no column."""
    whole = report(tape)
    (folder,) = home.iterdir()
    (folder / "price").write_bytes(b"12345678")
    assert report(tape) == whole
    assert len(sensed) == 2


def test_the_least_recently_used_go_first(tape: Path, home: Path, sensed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What all together are larger than the bound goes, the oldest first, and the newest stays."""
    report(tape)
    (old,) = home.iterdir()
    monkeypatch.setattr(reading_cache, "MOST_BYTES", sum(file.stat().st_size for file in old.iterdir()) + 1_000)
    report(tape, "indicators.volatility.window_s=5")
    (kept,) = home.iterdir()
    assert kept != old


def test_without_cache_nothing_is_written(tape: Path, home: Path) -> None:
    """``cache=False`` leaves no trace."""
    report(tape, cache=False)
    assert not home.exists()
