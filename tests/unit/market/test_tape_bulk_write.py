"""Whole columns become the tape that their events would have become, or are refused with what is wrong."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import attrs
import numpy as np
import pytest

from flashcrash_core.errors import DataError, UsageError
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.tape.bulk_write import write_columns
from flashcrash_core.market.tape.columns import NONE, TapeColumns
from flashcrash_core.market.tape.manifest import read_manifest
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.market.tape.writer import TapeMarket, write_tape
from flashcrash_core.simulation.generator import SimulatedMarket, simulated_instrument
from flashcrash_core.simulation.scenario import SIMULATED_SYMBOL, scenario_preset

MARKET = TapeMarket(simulated_instrument(SIMULATED_SYMBOL), has_book=True, data_tier=DataTier.SYNTHETIC, synthetic_book=True)


@pytest.fixture(scope="module")
def columns() -> TapeColumns:
    """Columns of 600 simulated events, quotes among them."""
    return columns_from(islice(SimulatedMarket(scenario_preset("calm", calm_s=20), 1).events(), 600), SIMULATED_SYMBOL)


def changed(columns: TapeColumns, table: str, **replaced: np.ndarray) -> TapeColumns:
    """The columns with some of one table replaced."""
    tables: Mapping[str, Mapping[str, np.ndarray]] = columns.tables
    return attrs.evolve(columns, tables={**tables, table: {**tables[table], **replaced}})


def test_the_tape_is_the_one_that_the_events_would_make(columns: TapeColumns, tmp_path: Path) -> None:
    """The same content hash and the same manifest as from the event writer, to the last field."""
    events = islice(SimulatedMarket(scenario_preset("calm", calm_s=20), 1).events(), 600)
    (by_event,) = write_tape(tmp_path / "events", events, {SIMULATED_SYMBOL: MARKET})
    in_bulk = write_columns(tmp_path / "columns", columns, MARKET)
    assert in_bulk.outcome == "written"
    assert in_bulk.path.relative_to(tmp_path / "columns") == by_event.path.relative_to(tmp_path / "events")
    assert read_manifest(in_bulk.path) == read_manifest(by_event.path)


def test_a_taken_place_is_kept(columns: TapeColumns, tmp_path: Path) -> None:
    """The same columns again change nothing; others are refused, and replace the tape when told to."""
    write_columns(tmp_path, columns, MARKET)
    assert write_columns(tmp_path, columns, MARKET).outcome == "unchanged"
    other = changed(columns, "trades", trade_id=columns.tables["trades"]["trade_id"] + 1)
    with pytest.raises(UsageError, match="other content"):
        write_columns(tmp_path, other, MARKET)
    assert write_columns(tmp_path, other, MARKET, force=True).outcome == "replaced"


@pytest.mark.parametrize(
    ("table", "column", "change", "told"),
    [
        ("trades", "price_ticks", lambda c: c[:-1], "different lengths"),
        ("books", "bids", lambda c: c + 1, "table levels has"),
        ("events", "kind", lambda c: np.where(c == 0, 6, c).astype(c.dtype), "table trades has"),
        ("events", "exchange_us", lambda c: np.full_like(c, NONE), "no event has an exchange time"),
        ("events", "exchange_us", lambda c: c // 1000, "unit of time"),
        ("events", "exchange_us", lambda c: np.where(c == NONE, c, c + np.arange(len(c)) * 86_400_000_000), "split them by day"),
    ],
)
def test_what_is_no_tape_is_refused(columns: TapeColumns, tmp_path: Path, table: str, column: str, change, told: str) -> None:
    """Counts that disagree, no time, a wrong unit, two days: one message that says which, and nothing is left behind."""
    bad = changed(columns, table, **{column: change(columns.tables[table][column])})
    with pytest.raises(DataError, match=told):
        write_columns(tmp_path / "out", bad, MARKET)
    assert not (tmp_path / "out").exists()


def test_columns_of_another_symbol_are_refused(columns: TapeColumns, tmp_path: Path) -> None:
    """The instrument must be the columns' own."""
    with pytest.raises(DataError, match="OTHER"):
        write_columns(tmp_path, attrs.evolve(columns, symbol="OTHER"), MARKET)
