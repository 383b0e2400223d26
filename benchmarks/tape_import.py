"""What importing a large day needs: a generated bulk file of aggTrades through `flashcrash tape import`, in a process of its own.

    python benchmarks/tape_import.py [--rows 20000000] [--results]

Prints seconds and peak memory. ``--results`` puts them into benchmarks/RESULTS.md. The file is made in a temporary folder and
removed again; 20 M rows take 0.5 GB as a zip, 0.9 GB as a tape, and some minutes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from kept_section import replaced_section
from peer_table import machine, markdown

from flashcrash_core import __version__

RESULTS: Final = Path(__file__).resolve().parent / "RESULTS.md"
HEADING: Final = "# Import of a large day"
_DAY: Final = "2025-10-10"
_PIECE: Final = 500_000
_SEED: Final = 7


def generate(folder: Path, rows: int) -> Path:
    """A zip in Binance's layout (spot, microseconds, no header): prices that walk by a cent, trades spread over the day."""
    rng = np.random.default_rng(_SEED)
    start_us = int(np.datetime64(_DAY, "us").astype(np.int64))
    step_us = 86_400_000_000 // rows
    name, cents = f"BTCUSDT-aggTrades-{_DAY}", 10_000_000
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(f"{name}.csv", "w") as file:
        for first in range(0, rows, _PIECE):
            ids = np.arange(first, min(first + _PIECE, rows))
            times = start_us + ids * step_us + rng.integers(0, max(step_us - 1, 1), len(ids))
            prices = cents + np.cumsum(rng.integers(-1, 2, len(ids)))
            cents = int(prices[-1])
            lots, makers = rng.integers(1, 300_000, len(ids)), rng.random(len(ids)) < 0.5
            columns = (column.tolist() for column in (ids, prices, lots, times, makers))
            lines = [
                f"{ident},{price // 100}.{price % 100:02d}000000,{lot // 100_000}.{lot % 100_000:05d}000,{ident},{ident},{at_us},"
                f"{maker},True\n"
                for ident, price, lot, at_us, maker in zip(*columns, strict=True)
            ]
            file.write("".join(lines).encode())
    return path


def measured(archive: Path, out: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak memory in MB of importing it."""
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "flashcrash_core", "tape", "import", str(archive), "--out", str(out), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    unit = 1 if sys.platform == "darwin" else 1_024
    return time.perf_counter() - began_s, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6


def section(rows: int, zip_mb: float, figures: tuple[float, float, float], load: float) -> str:
    """The part of RESULTS.md."""
    wall_s, cpu_s, peak_mb = figures
    table = [
        ["rows", "zip MB", "s", "CPU s", "rows/CPU s", "peak MB", "asked"],
        [f"{rows:,}", f"{zip_mb:,.0f}", f"{wall_s:.0f}", f"{cpu_s:.0f}", f"{rows / cpu_s:,.0f}", f"{peak_mb:.0f}", "<= 1,000 MB"],
    ]
    return (
        f"{HEADING}\n\nWritten by `python benchmarks/tape_import.py --results`.\n\n"
        f"Data: GENERATED, no market: a zip of {rows:,} aggTrades of one day in Binance's spot layout, seed {_SEED}.\n\n"
        f"Machine: {machine()}; load {load:.1f} at the end: under load, CPU seconds say more than seconds. "
        f"flashcrash {__version__}.\n\n"
        f"{markdown(table)}\n"
    )


def main() -> int:
    """Generate, import, print."""
    parser = argparse.ArgumentParser(description="What importing a large day needs.")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--results", action="store_true", help=f"put it into benchmarks/{RESULTS.name}")
    parser.add_argument("--generate-into", type=Path, metavar="DIR", help="only make the file there")
    options = parser.parse_args()
    if options.generate_into is not None:
        print(generate(options.generate_into, options.rows))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: the system counts the memory of whoever starts a process as that one's peak, too.
        command = [sys.executable, __file__, "--rows", str(options.rows), "--generate-into", folder]
        archive = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
        figures = measured(archive, Path(folder) / "tapes")
        text = section(options.rows, archive.stat().st_size / 1e6, figures, os.getloadavg()[0])
    print(text)
    if options.results:
        RESULTS.write_text(replaced_section(RESULTS.read_text(encoding="utf-8"), HEADING, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
