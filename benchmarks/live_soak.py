"""Soak of the live feed: memory and recovery of ``flashcrash run --feed binance`` over a long time, with storms of reconnections.

    python benchmarks/live_soak.py [--duration 600] [--storm 30] [--speed 10] [--symbols SIMUSDT,TWOUSDT] [--record]

A local exchange (`flashcrash exchange`, a simulated market without end) and the command itself, two processes over real sockets.
Every ``--storm`` seconds the exchange drops all connections at once, so that nothing can carry on meanwhile and each book is lost;
0 is without storms. Resident memory of the run is read every second from /proc. Its slope is that of a straight line through the
second half (what is learnt first is not a leak), in percent of the mean an hour; below 1 %/h passes. A short soak cannot show so
little: what the noise allows is printed beside it.
"""

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

LIMIT_PERCENT_PER_H: Final = 1.0
_SETTLE_S: Final = 3.0


def resident_kb(process: int) -> int:
    """Resident memory of a process, KB."""
    with open(f"/proc/{process}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def slope(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Percent of the mean an hour of a least-squares line through ``(seconds, KB)``, and twice its standard error.

    Residuals follow one another, so the error is taken from means of sixteen stretches, not from single samples.
    """
    size = max(1, len(samples) // 16)
    means = [
        (sum(t for t, _ in part) / len(part), sum(kb for _, kb in part) / len(part))
        for part in (samples[at : at + size] for at in range(0, len(samples) - size + 1, size))
    ]
    if len(means) < 3:
        return math.nan, math.nan
    mean_t, mean_kb = (sum(one[i] for one in means) / len(means) for i in (0, 1))
    spread = sum((t - mean_t) ** 2 for t, _ in means)
    rise = sum((t - mean_t) * (kb - mean_kb) for t, kb in means) / spread
    left = sum((kb - mean_kb - rise * (t - mean_t)) ** 2 for t, kb in means)
    error = math.sqrt(left / (len(means) - 2) / spread)
    to_percent = 3600.0 / mean_kb * 100.0
    return rise * to_percent, 2 * error * to_percent


def storms(duration_s: float, every_s: float) -> str:
    """The plan of faults: all connections dropped every so often, the last time well before the end."""
    if every_s <= 0:
        return ""
    moments = range(1, int((duration_s - _SETTLE_S) / every_s) + 1)
    return ",".join(f"drop=1:all@{number * every_s:g}s" for number in moments)


def flashcrash(*words: str) -> list[str]:
    """The command, as a user runs it."""
    return [sys.executable, "-m", "flashcrash_core", *words]


def soak(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run both processes, and measure."""
    plan = storms(options.duration, options.storm)
    serve = flashcrash("exchange", "--symbols", options.symbols, "--speed", f"{options.speed:g}", "--at-end", "loop")
    exchange = subprocess.Popen(serve + (["--faults", plan] if plan else []), stdout=subprocess.PIPE, text=True)
    run = None
    try:
        assert exchange.stdout is not None
        at = json.loads(exchange.stdout.readline())
        words = ["--set", f"feeds.binance.rest={at['rest']}", "--set", f"feeds.binance.ws={at['ws']}"]
        words += ["--record", str(folder / "recording")] if options.record else []
        with (folder / "report.json").open("w") as out:
            run = subprocess.Popen(
                flashcrash(
                    "run", "--feed", "binance", "--symbols", options.symbols, "--json", "--db", str(folder / "soak.db"), *words
                ),
                stdout=out,
            )
        samples = watched(run, options.duration)
        with urllib.request.urlopen(f"{at['rest']}/flashcrash/exchange", timeout=10) as answer:
            status = json.load(answer)
        run.send_signal(signal.SIGINT)
        run.wait(30)
    finally:
        for process in (run, exchange):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(20)
        if exchange.stdout is not None:
            exchange.stdout.close()
    report = json.loads((folder / "report.json").read_text())
    return measured(samples, report, status)


def watched(run: "subprocess.Popen[bytes]", duration_s: float) -> list[tuple[float, float]]:
    """Seconds and KB, once a second. SystemExit when the run ends by itself."""
    samples: list[tuple[float, float]] = []
    began = time.monotonic()
    while (now_s := time.monotonic() - began) < duration_s:
        if run.poll() is not None:
            raise SystemExit(f"live_soak.py: the run ended by itself after {now_s:.0f} s with exit code {run.returncode}")
        samples.append((now_s, resident_kb(run.pid)))
        time.sleep(1.0)
    return samples


def measured(samples: list[tuple[float, float]], report: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    """What is told of a soak."""
    health = report["feed_health"]
    rise, error = slope(samples[len(samples) // 2 :])
    symbols = health["symbols"]
    drops = sum(one["name"] == "drop" for one in status["injected"])
    return {
        "seconds": round(samples[-1][0], 1),
        "events": report["events"],
        "rss_mb": round(samples[-1][1] * 1024 / 1e6, 1),
        "rss_slope_percent_per_h": round(rise, 2),
        "rss_slope_within": round(error, 2),
        "connections_dropped": drops,
        "reconnections": health["reconnections"],
        "resyncs": sum(one["resyncs"] for one in symbols.values()),
        "blind_s": {name: one["blind_s"] for name, one in symbols.items()},
        "usable_at_end": all(one["usable"] for one in symbols.values()),
        "differences": sum(one["differences"] for one in symbols.values()),
        "rejected": health["rejected"],
        "overflows": health["overflows"],
    }


def main() -> int:
    """Print what came of it; 1 when a book was not usable at the end, was wrong, or memory surely grows too fast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=600.0, help="seconds")
    parser.add_argument("--storm", type=float, default=30.0, help="seconds between drops of all connections; 0: none")
    parser.add_argument("--speed", type=float, default=10.0, help="of the simulated market, which has some 20 messages a second")
    parser.add_argument("--symbols", default="SIMUSDT,TWOUSDT")
    parser.add_argument("--record", action="store_true", help="record meanwhile")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    if not Path("/proc/self/status").exists():
        raise SystemExit("live_soak.py: reads memory from /proc, which this system does not have")
    with tempfile.TemporaryDirectory() as folder:
        found = soak(options, Path(folder))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"SYNTHETIC market. Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
        for name, value in found.items():
            print(f"{name.replace('_', ' '):<26} {value}")
    grows = found["rss_slope_percent_per_h"] - found["rss_slope_within"] > LIMIT_PERCENT_PER_H
    return int(grows or not found["usable_at_end"] or found["differences"] > 0)


if __name__ == "__main__":
    sys.exit(main())
