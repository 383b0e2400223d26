"""flashcrash over the synthetic day.

    python flashcrash_peer.py stream TAPE --cache DIR --duration 4320
    python flashcrash_peer.py cold|warm TAPE [TAPE ...] --cache DIR --small TAPE [--workers N]
    python flashcrash_peer.py rule TAPE --cache DIR [--prefix ROWS]

``cold``: from the tape, nothing cached but machine code. ``warm``: another trial with other thresholds, on readings that a first
run cached. Both first run on a small tape, so that nothing is compiled while it is timed. ``seconds`` is all that a run does but
the start of Python and keeping the session in a database: configuration, plugins, mapping the tape, the pass over its events,
indicators, detector, simulated trading, report. Several tapes go through the command ``flashcrash backtest`` itself. ``rule`` is
the simple rule on the feature rows of the live accumulators, apart from all timing.
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


def command(tapes: Sequence[Path], engine: str, changes: tuple[str, ...], workers: int) -> dict[str, Any]:
    """``flashcrash backtest`` over several tapes, in this process; its report."""
    from flashcrash_core.cli.main import main as run

    options = [word for change in changes for word in ("--set", change)]
    if workers > 1:
        options += ["--workers", str(workers)]
    told, arguments = io.StringIO(), sys.argv
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(told):
        database = str(Path(folder) / "run.db")
        sys.argv = ["flashcrash", "backtest", *map(str, tapes), "--engine", engine, "--json", "--db", database, *options]
        try:
            run()
        except SystemExit as end:
            if end.code not in (0, None, 3):  # 3: risk halted the session; its cost is the same
                raise
        finally:
            sys.argv = arguments
    report: dict[str, Any] = json.loads(told.getvalue())
    return report


def stream(tape: Path, duration_s: float) -> None:
    """The streaming engine over the first part of the tape."""
    watch = Stopwatch()
    report = one_run(tape, "stream", duration_s=duration_s)
    _tell(report, watch.lap(), "stream")


def batch(tapes: Sequence[Path], small: Path, workers: int, *, warm: bool) -> None:
    """The batch engine, cold or warm."""

    def run(changes: tuple[str, ...]) -> dict[str, Any]:
        if len(tapes) == 1 and workers == 1:
            return one_run(tapes[0], "batch", changes)
        return command(tapes, "batch", changes, workers)

    one_run(small, "batch")
    changes: tuple[str, ...] = ()
    if warm:
        one_run(small, "batch", OTHER_THRESHOLDS)
        run(())
        changes = OTHER_THRESHOLDS
    watch = Stopwatch()
    report = run(changes)
    seconds = watch.lap()
    together_mb = peak_mb() + (workers * largest_child_mb() if workers > 1 else 0.0)
    _tell(report, seconds, "warm" if warm else "cold", peak_mb=round(together_mb, 1))


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
    parser.add_argument("part", choices=("stream", "cold", "warm", "rule"))
    parser.add_argument("tape", nargs="+", type=Path)
    parser.add_argument("--small", type=Path, help="a short tape to compile on")
    parser.add_argument("--cache", type=Path, required=True, help="FLASHCRASH_CACHE_DIR of this run")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--duration", type=float, default=4_320.0, help="stream: seconds of market time")
    parser.add_argument("--prefix", type=int, default=0, help="rule: rows of a second outcome")
    options = parser.parse_args()
    os.environ["FLASHCRASH_CACHE_DIR"] = str(options.cache)
    forget(options.cache)
    if options.part == "stream":
        stream(options.tape[0], options.duration)
    elif options.part == "rule":
        rule(options.tape[0], options.prefix)
    else:
        batch(options.tape, options.small, options.workers, warm=options.part == "warm")


if __name__ == "__main__":
    main()
