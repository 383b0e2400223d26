"""What containing plugins costs: the panel's guard, a stopwatch around every call, and a bound method against a hook call.

    python benchmarks/guarded_dispatch.py [--rounds 9] [--seconds 400]

All in one process, in turns: every hundred rows each loop takes them once, in changing order, and of several rounds the fastest go
of each loop over each hundred counts, so that a busy machine disturbs little. The rows are those of the simulated market with its
crash (SYNTHETIC), the indicators the eight of the shipped profile. (a) the panel's loop over every row
against the same loop without a guard (no ``try``, no check), (b) a bound method against a pluggy hook call, for as many plugins,
(c) the panel's loop with the stopwatch on against the loop without, (d) what the guard of (a) is of all that closes a row and of
all that a run does, both measured in whole runs (the fastest of three).
"""

import argparse
import gc
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pluggy

from flashcrash_core.detection.containment import Oversight
from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.launch import RunRequest, prepare
from flashcrash_core.runtime.runner import Runner, RunOptions

_CHUNK = 100

_hookspec = pluggy.HookspecMarker("guarded_dispatch")
_hookimpl = pluggy.HookimplMarker("guarded_dispatch")


def composed(seconds: float) -> tuple[Composition, Lane]:
    """A simulated market of about that length with the shipped profile, ready to run."""
    prepared = prepare(RunRequest(overrides=(f"feeds.simulated.calm_s={seconds:g}", "run.seed=1")))
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed=None)
    composition = compose(prepared.config, prepared.plugins, source)
    (lane,) = composition.session.lanes.values()
    return composition, lane


def whole_run(seconds: float) -> tuple[float, float, int]:
    """Nanoseconds that closing rows took, and the whole run; the number of events."""
    composition, lane = composed(seconds)
    close_row, clock, closing_ns = lane.on_row, time.perf_counter_ns, [0]

    def timed(row: FeatureRow) -> None:
        began = clock()
        close_row(row)
        closing_ns[0] += clock() - began

    lane.on_row = timed  # type: ignore[method-assign]
    began = clock()
    outcome = Runner(composition.session, composition.executor, None, "", RunOptions()).run(composition.source)
    spent_ns = clock() - began
    composition.source.close()
    return closing_ns[0], spent_ns, outcome.events


def recorded(seconds: float) -> tuple[Callable[[], tuple[PanelEntry, ...]], list[FeatureRow]]:
    """Fresh programs of the shipped profile, and the rows of a simulated market of about that length."""
    composition, lane = composed(seconds)
    rows: list[FeatureRow] = []
    on_row = lane.panel.on_row

    def keep(row: FeatureRow) -> None:
        rows.append(row)
        on_row(row)

    lane.panel.on_row = keep  # type: ignore[method-assign]
    Runner(composition.session, composition.executor, None, "", RunOptions()).run(composition.source)
    composition.source.close()
    return lane.setup.entries, rows


class Unguarded:
    """The panel as it would be without containment: the same call per row, the same loop, no ``try`` and no check."""

    def __init__(self, entries: tuple[PanelEntry, ...]) -> None:
        self.pairs: list[Any] = [None] * len(entries)
        self._steps: list[Any] = [
            (index, e.indicator.step, e.indicator.state, e.indicator.params)  # type: ignore[union-attr]
            for index, e in enumerate(entries)
        ]

    def on_row(self, row: FeatureRow) -> None:
        """Evaluate every indicator."""
        pairs = self.pairs
        for index, step, state, params in self._steps:
            pairs[index] = step(state, row, params)


class Hooks:
    """The hook that stands for a call per event."""

    @_hookspec
    def on_row(self, row: object) -> None:
        """Called for every row."""


class Listener:
    """A plugin that does nothing, so that only the call is timed."""

    @_hookimpl
    def on_row(self, row: object) -> None:
        """Nothing."""


def hook_caller(number: int) -> tuple[Callable[[object], None], Callable[[object], None]]:
    """Calling ``number`` plugins through a prebuilt list of bound methods, and through a hook."""
    manager = pluggy.PluginManager("guarded_dispatch")
    manager.add_hookspecs(Hooks)
    listeners = [Listener() for _ in range(number)]
    for listener in listeners:
        manager.register(listener)
    bound = [listener.on_row for listener in listeners]
    hook = manager.hook.on_row

    def by_method(row: object) -> None:
        for method in bound:
            method(row)

    return by_method, lambda row: hook(row=row)


def fastest(loops: dict[str, Callable[[FeatureRow], None]], rows: Sequence[FeatureRow], best: dict[tuple[str, int], int]) -> None:
    """One round: every loop over all rows, in turns by the hundred; ``best`` keeps nanoseconds by loop and place."""
    clock = time.perf_counter_ns
    names = list(loops)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        names.append(names.pop(0))
        for name in names:
            on_row = loops[name]
            began = clock()
            for row in chunk:
                on_row(row)
            spent = clock() - began
            key = (name, start)
            best[key] = min(best.get(key, spent), spent)


def main() -> int:
    """Measure and print; the exit code is 1 when the guarded loop computes something else than the plain one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=400.0, help="calm part of the simulated market")
    options = parser.parse_args()
    entries, rows = recorded(options.seconds)
    best: dict[tuple[str, int], int] = {}
    watched = Oversight(time.perf_counter_ns, 10**12)
    for _ in range(options.rounds):
        plain, guarded, timed = Unguarded(entries()), Panel(entries()), Panel(entries(), "", watched)
        gc.collect()
        fastest({"plain": plain.on_row, "guarded": guarded.on_row, "watched": timed.on_row}, rows, best)
        if guarded.faults or timed.faults or not repr(plain.pairs) == repr(guarded.pairs) == repr(timed.pairs):
            print("the loops gave different readings: no ratio is given")
            return 1
    by_method, by_hook = hook_caller(len(plain.pairs))
    calls: dict[tuple[str, int], int] = {}
    for _ in range(options.rounds):
        fastest({"method": by_method, "hook": by_hook}, rows, calls)
    us = {
        name: sum(ns for (loop, _), ns in best.items() if loop == name) / len(rows) / 1000
        for name in ("plain", "guarded", "watched")
    }
    call = {name: sum(ns for (loop, _), ns in calls.items() if loop == name) for name in ("method", "hook")}
    print(f"{len(rows):,} rows, {len(plain.pairs)} indicators, {options.rounds} rounds, Python {platform.python_version()}")
    print(f"loop without a guard          {us['plain']:7.2f} us a row")
    print(
        f"guarded loop                  {us['guarded']:7.2f} us a row: {us['guarded'] / us['plain']:.3f}x (target: at most 1.10x)"
    )
    guard_us = us["guarded"] - us["plain"]
    runs = [whole_run(options.seconds) for _ in range(3)]
    close_us = min(run[0] for run in runs) / len(rows) / 1000
    event_us = min(run[1] for run in runs) / runs[0][2] / 1000
    share = guard_us * len(rows) / runs[0][2] / event_us
    print(f"  the guard of a row close    {guard_us:7.2f} us of {close_us:.1f} us: {guard_us / close_us:.1%}")
    print(f"  the guard of an event       {guard_us * len(rows) / runs[0][2]:7.2f} us of {event_us:.1f} us: {share:.1%}")
    print(f"guarded loop with stopwatch   {us['watched']:7.2f} us a row: {us['watched'] / us['plain']:.3f}x (live, or at a speed)")
    print(f"hook calls / bound methods    {call['hook'] / call['method']:7.1f}x (target: at least 5x)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
