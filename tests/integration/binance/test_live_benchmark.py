"""The benchmarks of the live feed run and print what they measured. How quick it was decides nothing."""

import json
import math
import random
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def ran(folder: Path, script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """A benchmark in a process of its own, with its document on standard output."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), *words, "--json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)


def test_the_benchmark_measures_both_transports(tmp_path: Path) -> None:
    """A row for each transport: everything that was sent in the time was heard, without a hole, and latencies were taken."""
    done = ran(tmp_path, "live_feed.py", "--rates", "400", "--seconds", "3")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["used"] for row in rows] == ["websockets", "picows"]
    for row in rows:
        assert (row["holes"], row["trades_lost"], row["overflows"]) == (0, 0, 0)
        assert row["events"] >= 200
        assert row["p50_us"] <= row["p99_us"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_the_soak_measures_memory_and_storms(tmp_path: Path) -> None:
    """Connections are dropped as planned, each book is whole again at the end, and a slope of memory is told with its error."""
    done = ran(tmp_path, "live_soak.py", "--duration", "9", "--storm", "3")
    found = json.loads(done.stdout)  # the exit code may be 1: memory grows at first
    assert found["connections_dropped"] == 4, done.stderr  # two storms, two connections
    assert found["reconnections"] >= 4
    assert found["resyncs"] >= 4
    assert found["usable_at_end"]
    assert (found["differences"], found["overflows"]) == (0, 0)
    assert found["rss_mb"] > 10
    assert found["rss_slope_within"] >= 0


def test_a_slope_is_told_from_noise() -> None:
    """A line of 10 % an hour is found within its error; noise without a slope has none beyond it."""
    scope = runpy.run_path(str(ROOT / "benchmarks/live_soak.py"))
    rng = random.Random(5)
    rising = [(float(t), 100_000 + t * 10_000 / 3600 + rng.gauss(0, 50)) for t in range(1800)]
    rise, error = scope["slope"](rising)
    assert abs(rise - 9.75) < 2 * error < 3
    flat = [(float(t), 100_000 + rng.gauss(0, 50)) for t in range(1800)]
    rise, error = scope["slope"](flat)
    assert abs(rise) < 2 * error
    assert math.isnan(scope["slope"](flat[:2])[0])
