"""Live feed benchmark: from a socket to the decision, over loopback, with the server in another process.

    python benchmarks/live_feed.py [--rates 1000,5000] [--transports websockets,picows] [--connections 2] [--seconds 10] [--highest]

One process plays a consistent market of one symbol at a set rate (benchmarks/live_market_server.py), another runs the complete
pipeline on it as ``flashcrash run --feed binance`` does: sockets, merging of the connections, the book, features, indicators,
detector. Each trade bears the time at which it was sent; its latency ends when the session has decided on it and asks for the next
event. What is sent in a hundredth of a second leaves in one write, as in a burst. A rate counts messages as they arrive, over all
connections: with two connections each event arrives twice. The market is calm, so the detector sleeps. ``--highest`` raises the
rate until it cannot be kept up: what was sent is not all received, or the 99th percentile is beyond a quarter of a second. The
listener is pinned to one core where the system allows it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
LADDER: Final = (10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000, 80_000)
KEPT_UP_MS: Final = 250.0
_SKIPPED_S: Final = 1.0
"""What the first second costs, imports and first snapshots, is not the rate's."""


def pin(core: int) -> None:
    """Keep this process on one core, where the system has several and allows it."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[core % len(allowed)]})


def hear(options: dict[str, Any]) -> dict[str, Any]:
    """Run the pipeline on a server that is playing, and measure."""
    from flashcrash_core.market.events import MarketEvent, Trade
    from flashcrash_core.runtime.composition import compose, open_run_input
    from flashcrash_core.runtime.launch import RunRequest, prepare
    from flashcrash_core.runtime.runner import Runner, RunOptions

    pin(1)
    settings = (
        f"feeds.binance.rest={options['rest']}",
        f"feeds.binance.ws={options['ws']}",
        f"feeds.binance.transport={options['transport']}",
        f"feeds.binance.connections={options['connections']}",
    )
    request = RunRequest(feed="binance", symbols=(options["symbol"],), overrides=settings, keep=False)
    prepared = prepare(request)
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed="binance")
    latencies: list[int] = []
    measured = {"events": 0, "from_us": 0, "to_us": 0, "cpu_s": 0.0}

    def watched(events: Iterator[MarketEvent]) -> Iterator[MarketEvent]:
        """The events; control comes back here when one was decided on."""
        now_ns = time.time_ns
        begin_us = now_ns() // 1000 + round(_SKIPPED_S * 1e6)
        cpu_s = 0.0
        for event in events:
            yield event
            now_us = now_ns() // 1000
            if now_us < begin_us:
                continue
            if not measured["from_us"]:
                measured["from_us"], cpu_s = now_us, time.process_time()
            measured["events"] += 1
            measured["to_us"] = now_us
            if type(event) is Trade and event.exchange_us is not None:
                latencies.append(now_us - event.exchange_us)
                measured["cpu_s"] = time.process_time() - cpu_s

    try:
        composition = compose(prepared.config, prepared.plugins, source)
        source._events = watched(source._events)
        run = RunOptions(duration_us=round(options["seconds"] * 1e6), plugin_budget_ns=50_000_000)
        outcome = Runner(composition.session, composition.executor, None, "", run).run(source)
        health = source.health() or {}
    finally:
        source.close()
    latencies.sort()
    span_s = (measured["to_us"] - measured["from_us"]) / 1e6
    one = health["symbols"][options["symbol"]]
    return {
        "events": outcome.events,
        "events_per_s": measured["events"] / span_s if span_s else 0.0,
        "messages": health["messages"],
        "p50_us": latencies[len(latencies) // 2] if latencies else None,
        "p99_us": latencies[len(latencies) * 99 // 100] if latencies else None,
        "cpu": measured["cpu_s"] / span_s if span_s else 0.0,
        "holes": one["holes"],
        "trades_lost": one["trades_lost"],
        "overflows": health["overflows"],
        "used": health["transport"],
        "transitions": sum(len(lane.episodes.episodes) for lane in composition.session.lanes.values()),
    }


def measure(rate: int, transport: str, connections: int, seconds: float) -> dict[str, Any]:
    """One row: a server and a listener, each a process of its own."""
    words = ["--rate", str(max(rate // connections, 1)), "--seconds", str(seconds + 4.0)]
    server = subprocess.Popen(
        [sys.executable, HERE / "live_market_server.py", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        options = json.loads(server.stdout.readline())
        options |= {"transport": transport, "connections": connections, "seconds": seconds}
        heard = subprocess.run(
            [sys.executable, __file__, "--listen", json.dumps(options)],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
        if heard.returncode:
            raise SystemExit(f"live_feed.py: the listener failed:\n{heard.stderr}")
        row: dict[str, Any] = json.loads(heard.stdout)
        with urllib.request.urlopen(f"{options['rest']}/bench", timeout=10) as answer:
            row |= {"server_late_s": json.load(answer)["late_s"]}
    finally:
        server.stdin.close()
        server.wait(20)
        server.stdout.close()
    row |= {"rate": rate, "transport": transport, "connections": connections, "heard_per_s": row["events_per_s"] * connections}
    return row


def kept_up(row: dict[str, Any]) -> bool:
    """Whether the listener took what was sent as it came."""
    sound = not (row["holes"] or row["trades_lost"] or row["overflows"])
    return sound and row["p99_us"] is not None and row["p99_us"] <= KEPT_UP_MS * 1e3 and row["heard_per_s"] >= 0.95 * row["rate"]


def head() -> str:
    """The titles of the table."""
    return (
        f"{'transport':<11} {'connections':>11} {'sent msg/s':>11} {'heard msg/s':>12} {'events/s':>9} {'p50 ms':>8} {'p99 ms':>9} "
        f"{'CPU':>6}  kept up"
    )


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    late = f" (the server was {row['server_late_s']:.2f} s late)" if row["server_late_s"] > 0.05 else ""
    p50, p99 = (f"{row[key] / 1e3:.2f}" if row[key] is not None else "none" for key in ("p50_us", "p99_us"))
    rates = f"{row['rate']:>11,} {row['heard_per_s']:>12,.0f} {row['events_per_s']:>9,.0f}"
    verdict = "yes" if kept_up(row) else "no"
    return f"{row['transport']:<11} {row['connections']:>11} {rates} {p50:>8} {p99:>9} {row['cpu']:>6.0%}  {verdict}{late}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="1000,5000")
    parser.add_argument("--transports", default="websockets,picows")
    parser.add_argument("--connections", default="2", help="one number or several, as in 1,2")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--highest", action="store_true", help="find the highest rate that is kept up as well")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--listen", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.listen:
        sys.stdout.write(json.dumps(hear(json.loads(options.listen))))
        return 0
    rows: list[dict[str, Any]] = []
    if not options.json:
        print(f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores; {options.seconds:g} s a row")
        print(head())

    def add(rate: int, transport: str, connections: int) -> bool:
        row = measure(rate, transport, connections, options.seconds)
        rows.append(row)
        if not options.json:
            print(line(row), flush=True)
        return kept_up(row)

    for transport in options.transports.split(","):
        for connections in map(int, options.connections.split(",")):
            for rate in map(int, options.rates.split(",")):
                add(rate, transport, connections)
            if options.highest:
                best = 0
                for rate in LADDER:
                    if not add(rate, transport, connections):
                        break
                    best = rate
                if not options.json:
                    print(f"{transport}, {connections} connections: kept up with {best:,} msg/s")
    if options.json:
        sys.stdout.write(json.dumps({"seconds": options.seconds, "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
