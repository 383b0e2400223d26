"""``flashcrash plugins check``: the conformance battery without pytest, as a table."""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flashcrash_core.cli.options import JsonOption, print_json, print_rows
from flashcrash_core.cli.plugin_trust import AllowPathPluginsOption, policy_for, refuse_not_permitted

if TYPE_CHECKING:
    from flashcrash_core.testing import CheckResult

__all__ = ["check"]

_PLACE: Final = re.compile(r"^row \d+ \(t_us \d+\): | \((?:tape|fields) [^)]*\)$")
"""Where on which tape: two faults that differ only in this are one."""
_SHORT: Final = 50


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Plugins, pkg.mod[:attr] or ./file.py (default: all of flashcrash); imported."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="This check alone, as listed. May be repeated.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One seed and short runs, while you write.")] = False,
    thorough: Annotated[bool, typer.Option("--thorough", help="Ten seeds and a million rows: minutes for each plugin.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=0, help="Processes (default 0: one for each core).")] = 0,
    every: Annotated[bool, typer.Option("--all", help="Print every check also when several plugins are checked.")] = False,
    allow_path_plugins: AllowPathPluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check that plugins keep the contract; exit code 1 when one does not. The plugins are imported and run.

    Where mode real is configured, they must be locked.
    A plugin of which more than half of the checks were skipped has not failed, but is called "not proven".
    """
    from flashcrash_core.errors import UsageError

    if quick and thorough:
        raise UsageError("plugins check: --quick and --thorough exclude each other")
    refuse_not_permitted("plugins check", names or ())
    effort = "quick" if quick else "thorough" if thorough else "standard"
    # The checks load the plugins in other processes too, which are held to the same lock.
    with policy_for(names or (), allow_path_plugins=allow_path_plugins).for_children():
        good = _check(names, tuple(only or ()), effort, jobs, every=every, as_json=as_json)
    if not good:
        raise typer.Exit(1)


def _check(names: Sequence[str] | None, only: tuple[str, ...], effort: str, jobs: int, *, every: bool, as_json: bool) -> bool:
    """Check, and print what was found; whether all is good."""
    from flashcrash_core.errors import UsageError
    from flashcrash_core.registry import load_registry
    from flashcrash_core.testing.conformance import Task, tasks_of

    elements = names or [plugin.candidate.name for plugin in load_registry().plugins if plugin.specs]
    tasks: list[Task] = [task for element in elements for task in tasks_of(element, effort=effort, only=only)]
    if not tasks:
        raise UsageError(f"plugins check: none of {', '.join(elements)} has the check {', '.join(only)}")
    started = time.perf_counter()
    results = _results(tasks, jobs)
    if as_json:
        done = list(results)
        print_json(_document(tasks, done, effort, time.perf_counter() - started))
    else:
        done = _print_as_they_come(tasks, results, detailed=every or len(tasks) == 1)
        _print_summary(done, effort, time.perf_counter() - started)
    return all(row.outcome.good for rows in done for row in rows)


def _results(tasks: Sequence[Any], jobs: int) -> "Iterator[list[CheckResult]]":
    """The rows of every task, in the order of the tasks; processes of their own when there is more than one task."""
    import os
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from flashcrash_core.testing.conformance import run_task

    workers = min(jobs or os.cpu_count() or 1, len(tasks))
    if workers <= 1:
        yield from map(run_task, tasks)
        return
    # spawn: a forked child would inherit what this process has imported and hide what a plugin imports by itself.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_task, tasks)


def _print_as_they_come(
    tasks: Sequence[Any], results: "Iterator[list[CheckResult]]", *, detailed: bool
) -> "list[list[CheckResult]]":
    done = []
    for task, rows in zip(tasks, results, strict=True):
        done.append(rows)
        seconds = sum(row.seconds for row in rows)
        sys.stdout.write(f"{task.label}: {_counts(rows)} in {seconds:.1f} s\n")
        shown = rows if detailed else [row for row in rows if not row.outcome.good]
        if shown:
            print_rows(
                ("  CHECK", "OUTCOME", "SECONDS", ""),
                [
                    (f"  {row.check}", row.outcome.replace("_", " "), f"{row.seconds:.2f}", message)
                    for row, message in zip(shown, _told_once(task.label, shown), strict=True)
                ],
            )
        sys.stdout.flush()
    return done


def _told_once(label: str, rows: "Sequence[CheckResult]") -> Iterator[str]:
    """The messages without the plugin's name, which stands above them; one that only repeats another refers to that."""
    told: dict[str, str] = {}
    for row in rows:
        message = row.message.removeprefix(f"{label}: ")
        core = _PLACE.sub("", message)
        first = told.setdefault(core, row.check)
        yield message if first == row.check or len(core) < _SHORT else f"as in {first}"


def _print_summary(done: "list[list[CheckResult]]", effort: str, wall_s: float) -> None:
    rows = [row for results in done for row in results]
    sys.stdout.write(f"{_verdict(done)}: {_counts(rows)}; effort {effort}, {wall_s:.1f} s\n")


def _verdict(done: "list[list[CheckResult]]") -> str:
    """What the rows prove, in a word. What was mostly skipped has not failed, and has not kept the contract either."""
    from flashcrash_core.testing.battery import Outcome, is_proven

    if not all(row.outcome.good for rows in done for row in rows):
        return "FAILED"
    unproven = [rows for rows in done if not is_proven(rows)]
    if not unproven:
        return "keeps the contract" if len(done) == 1 else "all keep the contract"
    said = [f"{sum(row.outcome is Outcome.SKIPPED for row in rows)} of {len(rows)} skipped" for rows in unproven]
    if len(done) > 1:
        said = [f"{rows[0].subject} ({words})" for rows, words in zip(unproven, said, strict=True)]
    return f"not proven: {', '.join(said)}"


def _counts(rows: "Sequence[CheckResult]") -> str:
    from flashcrash_core.testing.battery import Outcome

    counted = Counter(row.outcome for row in rows)
    return f"{len(rows)} {'check' if len(rows) == 1 else 'checks'}, " + ", ".join(
        f"{counted[one]} {one.replace('_', ' ')}" for one in Outcome if counted[one]
    )


def _document(tasks: Sequence[Any], done: "list[list[CheckResult]]", effort: str, wall_s: float) -> dict[str, Any]:
    from flashcrash_core.testing.battery import is_proven

    return {
        "schema": 1,
        "passed": all(row.outcome.good for rows in done for row in rows),
        "proven": all(map(is_proven, done)),
        "effort": effort,
        "wall_s": round(wall_s, 3),
        "subjects": [
            {
                "kind": task.kind,
                "name": task.name,
                "origin": task.origin,
                "passed": all(row.outcome.good for row in rows),
                "proven": is_proven(rows),
                "checks": [
                    {"check": row.check, "outcome": row.outcome, "message": row.message, "seconds": round(row.seconds, 4)}
                    for row in rows
                ],
            }
            for task, rows in zip(tasks, done, strict=True)
        ],
    }
