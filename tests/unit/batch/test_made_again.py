"""Readings of a chunk are not held: those that are made again, after whatever happened meanwhile, are those that were."""

from typing import Any

import numpy as np
import pytest
from engine_pair import market_of, request, require_equal

from flashcrash_core.batch import lane_columns
from flashcrash_core.batch.lane_columns import LaneColumns
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.runtime.batching import sensed_lane
from flashcrash_core.runtime.composition import compose, open_run_input
from flashcrash_core.runtime.launch import prepare

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

SLOW = ("feeds.simulated.trades_per_s=4", "feeds.simulated.quotes_per_s=4")


def sensed(seed: int, chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> LaneColumns:
    """A simulated market's columns, made in chunks of about so many rows."""
    monkeypatch.setattr(lane_columns, "CHUNK_ROWS", chunk_rows)
    asked = request(f"run.seed={seed}", *SLOW)
    prepared = prepare(asked)
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed=None)
    composition = compose(prepared.config, prepared.plugins, source, trade=False, sweep=False)
    (lane,) = composition.session.lanes.values()
    return sensed_lane(lane, columns_from(list(market_of(asked).events), lane.symbol))


def seen(columns: LaneColumns, rows: list[int]) -> list[Any]:
    """Everything that is looked up of these rows, in this order, as text: NaN equals NaN."""
    found = [repr((row, columns.pairs(row), columns.values_between(max(0, row - 40), row + 1))) for row in rows]
    return [*found, *(bits.tolist() for bits in columns.bits)]


def disturb(columns: LaneColumns) -> None:
    """What a lane that wakes does to its columns: flags other than reckoned, then an indicator that is taken away."""
    for row in (150, 310, 800):
        flag = (True, True, int(columns.t_us[row - 5]), int(columns.t_us[row - 1]))
        columns.judge_again(row, [flag] * len(columns.entries))
    names = [entry.name for entry in columns.entries]
    columns.drop(names.index("volatility"), 2_000)  # acceleration is judged against its baseline


@pytest.mark.parametrize("disturbed", [False, True])
def test_a_chunk_that_is_made_again_is_what_it_was(disturbed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked up back and forth in chunks of 97 rows, all is as in one chunk that is never made again."""
    small, one = sensed(2, 97, monkeypatch), sensed(2, 50_000, monkeypatch)
    assert len(small.parts) > 50
    assert len(one.parts) == 2
    rows = np.random.default_rng(7).integers(0, one.length, 120).tolist()
    before = seen(small, rows)
    assert before == seen(one, rows)
    if disturbed:
        disturb(small)
        disturb(one)
        rows += [148, 150, 310, 800, 1_999, 2_000]
        after = seen(small, rows)
        assert after == seen(one, rows)
        assert after[-len(small.bits) :] != before[-len(small.bits) :]


@pytest.mark.parametrize("seed", [2, 4, 11])
def test_engines_agree_over_many_small_chunks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that wakes across the borders of chunks stores and reports what the streaming engine does."""
    monkeypatch.setattr(lane_columns, "CHUNK_ROWS", 61)
    require_equal(request(f"run.seed={seed}", *SLOW), f"seed {seed}")
