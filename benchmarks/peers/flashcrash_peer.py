"""flashcrash over the synthetic day.

    python flashcrash_peer.py stream TAPE --cache DIR --duration 4320
    python flashcrash_peer.py cold|warm TAPE [TAPE ...] --cache DIR --small TAPE
    python flashcrash_peer.py folder FOLDER --cache DIR --small TAPE --workers N
    python flashcrash_peer.py rule TAPE --cache DIR [--prefix ROWS]

``cold``: from the tape, nothing cached but machine code. ``warm``: another trial with other thresholds, on readings that a first
run cached. Both first run on a small tape, so that nothing is compiled while it is timed. ``seconds`` is all that a run does but
the start of Python and keeping the session in a database: configuration, plugins, mapping the tape, the pass over its events,
indicators, detector, simulated trading, report. Several tapes make one session and go through the command ``flashcrash backtest``
itself. So does ``folder``, cold: each tape in it is a run of its own, in ``--workers`` processes; starting those is timed.
``rule`` is the simple rule on the feature rows of the live accumulators, apart from all timing.
"""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

from measuring import Stopwatch, hand_in, largest_child_mb, peak_mb
from simple_rule import outcome_of

from flashcrash_core import __version__

__all__ = ["main"]

OTHER_THRESHOLDS: Final = (
    "indicators.volatility.trigger=5.5", "indicators.spread.trigger=4.5", "indicators.imbalance.trigger=-0.85",
)  # fmt: skip
KEPT_IN_CACHE: Final = "code"
"""The folder of machine code in the cache directory; the rest is data, and removed before a cold run."""


def one_run(tape: Path, engine: str, changes: tuple[str, ...] = (), duration_s: float | None = None) -> dict[str, Any]:
    """A backtest of one tape in this process; its report."""
    from flashcrash_core.runtime.launch import RunRequest, execute

    request = RunRequest(
        mode="backtest", paths=(tape,), keep=False, engine=engine, overrides=changes, duration_s=duration_s
    )  # fmt: skip
    return execute(request)


def command(*words: str) -> dict[str, Any]:
    """``flashcrash backtest --json`` in this process; its report."""
    from flashcrash_core.cli.main import main as run

    told, arguments = io.StringIO(), sys.argv
    sys.argv = ["flashcrash", "backtest", "--json", *words]
    try:
        with redirect_stdout(told):
            run()
    except SystemExit as end:
        if end.code not in (0, None, 3):  # 3: risk halted the session; its cost is the same
            raise
    finally:
        sys.argv = arguments
    report: dict[str, Any] = json.loads(told.getvalue())
    return report


def one_session(tapes: Sequence[Path], changes: tuple[str, ...]) -> dict[str, Any]:
    """Tapes joined to one session."""
    options = [word for change in changes for word in ("--set", change)]
    with tempfile.TemporaryDirectory() as folder:
        return command(*map(str, tapes), "--engine", "batch", "--db", str(Path(folder) / "run.db"), *options)


def stream(tape: Path, duration_s: float) -> None:
    """The streaming engine over the first part of the tape."""
    watch = Stopwatch()
    report = one_run(tape, "stream", duration_s=duration_s)
    _tell(report, watch.lap(), "stream")


def batch(tapes: Sequence[Path], small: Path, *, warm: bool) -> None:
    """The batch engine, cold or warm."""

    def run(changes: tuple[str, ...]) -> dict[str, Any]:
        return one_run(tapes[0], "batch", changes) if len(tapes) == 1 else one_session(tapes, changes)

    one_run(small, "batch")
    changes: tuple[str, ...] = ()
    if warm:
        one_run(small, "batch", OTHER_THRESHOLDS)
        run(())
        changes = OTHER_THRESHOLDS
    watch = Stopwatch()
    report = run(changes)
    _tell(report, watch.lap(), "warm" if warm else "cold", peak_mb=round(peak_mb(), 1))


def many(folder: Path, small: Path, workers: int) -> None:
    """Each tape of a folder a run of its own, cold."""
    one_run(small, "batch")
    watch = Stopwatch()
    report = command(str(folder), "--engine", "batch", "--workers", str(workers))
    seconds = watch.lap()
    tapes = report["tapes"]
    spans = [sum(one["state_seconds"].values()) for one in tapes]
    hand_in(
        version=__version__,
        kind="folder",
        events=sum(one["events"] for one in tapes),
        seconds=seconds,
        load_s=0.0,
        awake_share=1.0 - sum(one["state_seconds"]["SLEEP"] for one in tapes) / sum(spans),
        stepped_events=None,
        peak_mb=round(peak_mb() + workers * largest_child_mb(), 1),
    )


def forget(cache: Path) -> None:
    """Remove cached data, keep machine code."""
    for entry in cache.iterdir() if cache.is_dir() else ():
        if entry.name != KEPT_IN_CACHE:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _tell(report: dict[str, Any], seconds: float, kind: str, **more: Any) -> None:
    states = report["state_seconds"]
    span = sum(states.values()) or 1.0
    hand_in(
        version=__version__,
        kind=kind,
        engine=report["engine"],
        events=report["events"],
        seconds=seconds,
        engine_s=report["wall_s"],
        load_s=0.0,
        awake_share=1.0 - states.get("SLEEP", 0.0) / span,
        active_share=states.get("ACTIVE", 0.0) / span,
        episodes=len(report["episodes"]),
        trades=len(report["trades"]),
        decision_hash=report["decision_hash"],
        stepped_events=report.get("stepped_events"),
        **more,
    )


def mids(tape: Path) -> Iterator[int]:
    """Best bid plus best ask, in ticks, of every feature row that the live accumulators make of the tape."""
    from flashcrash_core.market.accumulator import FeatureAccumulator
    from flashcrash_core.market.tape.columns import events_of
    from flashcrash_core.market.tape.reader import open_tape

    opened = open_tape(tape)
    instrument = opened.manifest.instrument.instrument()
    market = FeatureAccumulator(instrument, has_book=True, source_is_mid=True)
    for event in events_of(opened.columns):
        act_us = market.admit(event)
        while 0 < market.next_row_us <= act_us:
            yield round(market.close_row().price * 2 / instrument.tick)
        market.apply(event, act_us)


def rule(tape: Path, prefix: int) -> None:
    """The simple rule over the whole tape, and over its first ``prefix`` rows."""
    column = list(mids(tape))
    hand_in(version=__version__, **outcome_of(column), prefix=outcome_of(column[:prefix]) if prefix else None)


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("stream", "cold", "warm", "folder", "rule"))
    parser.add_argument("tape", nargs="+", type=Path)
    parser.add_argument("--small", type=Path, help="a short tape to compile on")
    parser.add_argument("--cache", type=Path, required=True, help="FLASHCRASH_CACHE_DIR of this run")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cpus", type=int, help="CPUs that this process and its children may use (default: all)")
    parser.add_argument("--duration", type=float, default=4_320.0, help="stream: seconds of market time")
    parser.add_argument("--prefix", type=int, default=0, help="rule: rows of a second outcome")
    options = parser.parse_args()
    os.environ["FLASHCRASH_CACHE_DIR"] = str(options.cache)
    if options.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cpus])
    forget(options.cache)
    if options.part == "stream":
        stream(options.tape[0], options.duration)
    elif options.part == "rule":
        rule(options.tape[0], options.prefix)
    elif options.part == "folder":
        many(options.tape[0], options.small, options.workers)
    else:
        batch(options.tape, options.small, warm=options.part == "warm")


if __name__ == "__main__":
    main()
