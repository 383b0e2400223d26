"""What one row costs each indicator: its step compiled, as the batch engine drives it, and interpreted, as the panel calls it.

    python benchmarks/compiled_steps.py [--rounds 9] [--seconds 3000]

The rows are those of the simulated market with its crash (SYNTHETIC), the indicators the eight of the shipped profile. Both ways
are driven over all rows in turns in one process, the fastest of several rounds counts, and every pair is compared to the bit: where
one differs no number is printed and the exit code is 1. "Compile" is the first row with an empty cache (the first indicator's has
the compiler's own start in it), "load" the first row with the machine code on disk. Compiled times include the batch engine's check
for infinite numbers.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from guarded_dispatch import recorded

from flashcrash_core.batch import compiling
from flashcrash_core.batch.readings import Readings
from flashcrash_core.batch.rows import RowColumns, empty_rows
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.market.features import FeatureRow


@attrs.frozen
class Cost:
    """Of one indicator: seconds before the first row, nanoseconds a row."""

    name: str
    compile_s: float
    load_s: float
    compiled_ns: float
    interpreted_ns: float


def columns_of(rows: Sequence[FeatureRow]) -> RowColumns:
    """The rows as the batch engine holds them."""
    columns = empty_rows(len(rows))
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        column[:] = values
    return columns


def first_row_s(readings: Readings, entry: PanelEntry, columns: RowColumns) -> float:
    """Seconds until a program that has machine code nowhere in memory has taken a row."""
    compiling._done.clear()
    began = time.perf_counter()
    readings.start_over(entry)
    readings.take(columns, 1, 0)
    return time.perf_counter() - began


def by_columns(readings: Readings, entry: PanelEntry, columns: RowColumns, number: int) -> float:
    """Nanoseconds a row, compiled."""
    readings.start_over(entry)
    began = time.perf_counter_ns()
    readings.take(columns, number, 0)
    return (time.perf_counter_ns() - began) / number


def by_rows(entry: PanelEntry, rows: Sequence[FeatureRow]) -> tuple[float, list[Any]]:
    """Nanoseconds a row, interpreted, and the pairs."""
    indicator: Any = entry.indicator
    step, state, params = indicator.step, indicator.state, indicator.params
    began = time.perf_counter_ns()
    pairs = [step(state, row, params) for row in rows]
    return (time.perf_counter_ns() - began) / len(rows), pairs


def bits(numbers: Any) -> bytes:
    """Floats to the bit; every NaN is one."""
    made: bytes = np.where(np.isnan(numbers), np.nan, numbers).tobytes()
    return made


def agree(readings: Readings, pairs: Sequence[Any]) -> bool:
    """Whether all pairs are the same to the bit."""
    for place, columns in enumerate((readings.statistic, readings.baseline)):
        if bits(np.array([pair[place] for pair in pairs]).reshape(len(pairs), len(columns)).T) != bits(columns):
            return False
    return True


def main() -> int:
    """Measure and print; the exit code is 1 when a compiled pair differs from the interpreted one, or a step does not compile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3000.0, help="calm part of the simulated market")
    options = parser.parse_args()
    if not compiling.is_available():
        print("numba is not installed: pip install 'flashcrash[fast]'")
        return 1
    import numba

    entries, rows = recorded(options.seconds)
    columns, number = columns_of(rows), len(rows)
    costs = []
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FLASHCRASH_CACHE_DIR"] = cache
        for index, entry in enumerate(entries()):
            readings = Readings.of(entry, number)
            before_s = [first_row_s(readings, entries()[index], columns) for _ in range(2)]
            compiled_ns, interpreted_ns = float("inf"), float("inf")
            for _ in range(options.rounds):
                plain_ns, pairs = by_rows(entries()[index], rows)
                interpreted_ns = min(interpreted_ns, plain_ns)
                for _ in range(3):
                    compiled_ns = min(compiled_ns, by_columns(readings, entries()[index], columns, number))
            if not readings.compiled_step or not agree(readings, pairs):
                print(f"{entry.name}: compiled and interpreted give different readings, or it does not compile: no number is given")
                return 1
            costs.append(Cost(entry.name, before_s[0], before_s[1], compiled_ns, interpreted_ns))
    print(
        f"{number:,} rows, fastest of {options.rounds} rounds; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; "
        f"Python {platform.python_version()}, numba {numba.__version__}"
    )
    total = Cost("all", *(sum(column) for column in list(zip(*map(attrs.astuple, costs), strict=True))[1:]))
    print(f"{'ns a row':<18}{'compiled':>10}{'interpreted':>13}{'ratio':>8}{'compile s':>11}{'load s':>9}")
    for one in (*costs, total):
        ratio = one.interpreted_ns / one.compiled_ns
        print(
            f"{one.name:<18}{one.compiled_ns:>10.1f}{one.interpreted_ns:>13.0f}{ratio:>8.0f}{one.compile_s:>11.2f}{one.load_s:>9.3f}"
        )
    compiled_s, interpreted_s = (ns * 864_000 / 1e9 for ns in (total.compiled_ns, total.interpreted_ns))
    print(f"a day of 864,000 rows: {compiled_s:.2f} s compiled, {interpreted_s:.1f} s interpreted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
