"""The benchmark of the live feed runs and prints what it measured. How quick it was decides nothing."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_benchmark_measures_both_transports(tmp_path: Path) -> None:
    """A row for each transport: everything that was sent in the time was heard, without a hole, and latencies were taken."""
    words = ("--rates", "400", "--seconds", "3", "--json")
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/live_feed.py", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["used"] for row in rows] == ["websockets", "picows"]
    for row in rows:
        assert (row["holes"], row["trades_lost"], row["overflows"]) == (0, 0, 0)
        assert row["events"] >= 200
        assert row["p50_us"] <= row["p99_us"]
