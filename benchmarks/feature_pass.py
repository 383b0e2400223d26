"""Benchmark of the compiled pass from a tape's columns to feature rows, against the live accumulator in the same run.

    python benchmarks/feature_pass.py [--trades 2000000] [--books 2000000] [--rounds 5] [--accumulator-events 200000]

The day is SYNTHETIC (benchmarks/peers/synthetic_day.py: trades and top-20 book messages of one symbol, in memory). First the rows
of pass and accumulator over the first events are compared to the bit; if they differ nothing is printed but that, and the exit code
is 1. Times are processor time of one thread, medians over the rounds; rows are made in chunks of 8,192, as the batch engine makes
them. The parts are the same day with other events left out, or squeezed into a thousandth of its time, so that hardly a row closes.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "peers"))  # scripts, not a package: they import each other by bare names

from day_files import tape_columns
from synthetic_day import LOT_SIZE, SYMBOL, TICK_SIZE, DayPlan, make_day

from flashcrash_core.batch.feature_pass import FeaturePass
from flashcrash_core.batch.rows import INTEGERS
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.features import GRID_US, FeatureRow
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import TABLES, Kind, TapeColumns, events_of

CHUNK_ROWS = 8_192
INSTRUMENT = Instrument(SYMBOL, Decimal(TICK_SIZE), Decimal(LOT_SIZE))


def feature_pass(columns: TapeColumns) -> FeaturePass:
    """A pass at the start of the tape."""
    return FeaturePass(columns, INSTRUMENT, has_book=True, source_is_mid=True, max_silence_us=900_000_000)


def timed(columns: TapeColumns, rounds: int) -> tuple[float, int]:
    """Median processor time of the whole pass in seconds, and the rows."""
    times, rows = [], 0
    for _ in range(rounds):
        made, rows = feature_pass(columns), 0
        began = time.process_time()
        while made.position < len(columns):
            rows += len(made.advance(max_rows=CHUNK_ROWS))
        times.append(time.process_time() - began)
    return statistics.median(times), rows


def accumulated(columns: TapeColumns, events: int) -> tuple[float, list[FeatureRow]]:
    """Processor time of the live accumulator over the first events, built before, and its rows."""
    told = [event for event, _ in zip(events_of(columns), range(events), strict=False)]
    market = FeatureAccumulator(INSTRUMENT, has_book=True, source_is_mid=True)
    rows: list[FeatureRow] = []
    began = time.process_time()
    for event in told:
        act_us = market.admit(event)
        while 0 < market.next_row_us <= act_us:
            rows.append(market.close_row())
        market.apply(event, act_us)
    return time.process_time() - began, rows


def equal(columns: TapeColumns, rows: list[FeatureRow], events: int) -> bool:
    """Whether the pass makes these rows of the first events, to the bit."""
    made = feature_pass(columns).advance(until_event=events).rows
    wanted = zip(*rows, strict=True)
    return all(
        column.tobytes() == np.array(values, np.int64 if name in INTEGERS else np.float64).tobytes()
        for name, column, values in zip(FeatureRow._fields, made, wanted, strict=True)
    )


def part(columns: TapeColumns, kinds: set[Kind], squeeze: int = 1) -> TapeColumns:
    """Only events of these kinds, in a ``squeeze``-th of the time."""
    tables: dict[str, dict[str, Any]] = {name: dict(table) for name, table in columns.tables.items()}
    events = tables["events"]
    keep = np.isin(events["kind"], [int(kind) for kind in kinds])
    tables["events"] = {name: np.ascontiguousarray(column[keep]) for name, column in events.items()}
    start_us = events["exchange_us"][0]
    for name in ("exchange_us", "receive_us"):
        tables["events"][name] = start_us + (tables["events"][name] - start_us) // squeeze
    return TapeColumns(columns.symbol, tables, columns.texts, columns.continuity)


def empty_seconds(columns: TapeColumns, rows: int) -> TapeColumns:
    """One timer in each row: what a row costs in which nothing happens."""
    tables = {name: {column: np.empty(0, dtype) for column, dtype in table.items()} for name, table in TABLES.items()}
    times_us = columns.tables["events"]["exchange_us"][0] + GRID_US * np.arange(rows)
    tables["events"] = {"kind": np.full(rows, Kind.TIMER, np.int8), "exchange_us": times_us, "receive_us": times_us + 5_000}
    return TapeColumns(columns.symbol, tables, columns.texts, columns.continuity)


def main() -> int:
    """Check, then measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trades", type=int, default=2_000_000)
    parser.add_argument("--books", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--accumulator-events", type=int, default=200_000)
    options = parser.parse_args()
    columns = tape_columns(make_day(DayPlan(trades=options.trades, books=options.books)))
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FLASHCRASH_CACHE_DIR"] = cache
        began = time.process_time()
        feature_pass(columns).advance(until_event=1)
        compiling_s = time.process_time() - began
    events = min(options.accumulator_events, len(columns))
    slow_s, rows = accumulated(columns, events)
    if not equal(columns, rows, events):
        print(f"the rows of the first {events:,} events differ from the accumulator's: no time is of any use", file=sys.stderr)
        return 1
    levels = len(columns.tables["levels"]["qty_lots"])
    print(f"SYNTHETIC day: {options.trades:,} trades, {options.books:,} book messages, {levels:,} levels")
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"rows of the first {events:,} events equal the accumulator's to the bit ({len(rows):,} rows)")
    print(f"compiling, nothing cached: {compiling_s:.1f} s\n")
    whole_s, number = timed(columns, options.rounds)
    print(f"{'what':34}{'events':>12}{'rows':>10}{'seconds':>10}{'ns/event':>10}{'ns/row':>9}")
    for name, measured in (
        ("the day", columns),
        ("its trades, hardly a row", part(columns, {Kind.TRADE}, 1_000)),
        ("its book messages, hardly a row", part(columns, {Kind.SNAPSHOT, Kind.DELTA}, 1_000)),
        ("its trades", part(columns, {Kind.TRADE})),
        ("its book messages", part(columns, {Kind.SNAPSHOT, Kind.DELTA})),
        ("as many rows, a timer in each", empty_seconds(columns, number)),
    ):
        seconds, closed = (whole_s, number) if measured is columns else timed(measured, options.rounds)
        total = len(measured)
        print(f"{name:34}{total:>12,}{closed:>10,}{seconds:>10.3f}{seconds / total * 1e9:>10.1f}{seconds / closed * 1e9:>9.0f}")
    ratio = (slow_s / events) / (whole_s / len(columns))
    print(f"\nthe live accumulator, {events:,} events: {slow_s / events * 1e9:,.0f} ns/event; ratio to the pass: {ratio:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
