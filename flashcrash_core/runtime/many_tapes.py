"""``flashcrash backtest FOLDER`` and ``detect FOLDER``: every tape a run of its own, spread over processes, one summary.

Each run is a session with its own account that starts cold with a warm-up, so no tape's result depends on another one, on how many
workers there are, or on which ends first. No session is kept in a database. With ``out`` each report is kept as a file, and the
next call with the same directory runs only what is missing.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import msgspec
from attrs import define

from flashcrash_core.errors import UsageError
from flashcrash_core.runtime.interruption import Interruption
from flashcrash_core.runtime.launch import Prepared, RunRequest, prepare, to_json
from flashcrash_core.runtime.many_plan import Plan, TapeJob, fingerprint, plan_tapes, settings_identity
from flashcrash_core.runtime.many_reports import SUMMARY_NAME, finished_report, held, place_of, write_whole
from flashcrash_core.runtime.many_summary import TapeResult, kept_parts, summarised
from flashcrash_core.runtime.many_workers import Ended, Work, run_all

__all__ = ["available_cpus", "run_many"]

Progress = Callable[[float | None, int], None]


def available_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_many(
    request: RunRequest,
    *,
    workers: int | None = None,
    out: Path | None = None,
    detect: bool = False,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Run every tape of ``request.paths``; returns the summary (``flashcrash.summary/1``). Its ``run`` says how it was made.

    ``status`` is ``done``, ``halted`` (risk stopped at least one), ``failed`` (at least one has an error) or ``interrupted``.
    Raises UsageError, ConfigError, PluginError and DataError for what concerns them all, StorageError when ``out`` cannot be
    written.
    """
    started_s = time.perf_counter()
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers}: must be at least 1")
    if request.db is not None:
        raise UsageError(
            "--db: the runs of a folder keep no sessions; --out DIR keeps their reports. Run one tape to keep its session"
        )
    prepared = prepare(request)
    plan = plan_tapes(request.paths, prepared.config.settings.run.symbols)
    settings = settings_identity(prepared, "detect" if detect else "backtest")
    with held(out):
        tapes = _Tapes(plan, request, settings, out, detect, on_progress)
        waiting = tapes.take_finished()
        if waiting and out is not None:
            with suppress(FileNotFoundError):  # it would be of another run than the reports beside it
                (out / SUMMARY_NAME).unlink()
        workers = min(workers or available_cpus(), len(waiting))
        interruption = Interruption()
        with interruption.watched():
            run_all(waiting, workers, tapes.on_ended, tapes.on_fraction, lambda: bool(interruption.signal))
        notes = _notes(plan, prepared, detect=detect)
        summary = summarised(tapes.results(), detect=detect, notes=notes)
        if out is not None:
            write_whole(out / SUMMARY_NAME, to_json(summary) + b"\n")
    summary["run"] = {
        "workers": workers,
        "taken": len(plan.jobs) - len(waiting),
        "wall_s": round(time.perf_counter() - started_s, 3),
        "out": None if out is None else str(out),
    }
    if summary["status"] == "interrupted":
        summary["interrupted_by"] = signal.Signals(interruption.signal).name
    return summary


@define
class _Tapes:
    """The tapes of one call, and what has become of them."""

    plan: Plan
    request: RunRequest
    settings: dict[str, Any]
    out: Path | None
    detect: bool
    on_progress: Progress | None
    ended: dict[int, TapeResult] = attrs.field(factory=dict)
    fractions: dict[int, float] = attrs.field(factory=dict)

    def take_finished(self) -> list[Work]:
        """Take the reports that are there already; what is left to do, the largest first."""
        waiting = []
        for number, job in enumerate(self.plan.jobs):
            identity = fingerprint(job, self.settings)
            place = None if self.out is None else place_of(self.out, job)
            report = None if place is None else finished_report(place, identity)
            if report is not None:
                self.ended[number] = TapeResult(job.path, job, kept_parts(report))
            else:
                tape = {"symbol": job.symbol, "market": job.market, "day": job.day, "hash": job.hash}
                added = {"fingerprint": identity, "tape": tape}
                waiting.append(Work(number, self._alone(job), self.detect, added, place))
                self.fractions[number] = 0.0
        return waiting

    def _alone(self, job: TapeJob) -> RunRequest:
        """The request of one tape. Its symbol goes last: any list in the configuration names others, which it does not hold."""
        only = f"run.symbols={msgspec.json.encode([job.symbol]).decode()}"
        overrides = (*self.request.overrides, only)
        return attrs.evolve(self.request, paths=(job.path,), symbols=(), overrides=overrides, keep=False)

    def on_ended(self, ended: Ended) -> None:
        job = self.plan.jobs[ended.number]
        report = None if ended.report is None else kept_parts(ended.report)
        self.ended[ended.number] = TapeResult(job.path, job, report, ended.error)
        self.on_fraction(ended.number, 1.0)

    def on_fraction(self, number: int, fraction: float) -> None:
        """Weigh by events what is done of what this call has to do; finished reports would make the rest look quick."""
        self.fractions[number] = max(min(fraction, 1.0), self.fractions[number])
        if self.on_progress is not None:
            jobs = self.plan.jobs
            done = sum(part * jobs[each].events for each, part in self.fractions.items())
            self.on_progress(done / max(sum(jobs[each].events for each in self.fractions), 1), round(done))

    def results(self) -> list[TapeResult]:
        broken = [TapeResult(one.path, None, None, one.error) for one in self.plan.broken]
        return broken + [self.ended.get(number, TapeResult(job.path, job)) for number, job in enumerate(self.plan.jobs)]


def _notes(plan: Plan, prepared: Prepared, *, detect: bool) -> list[str]:
    notes = []
    if plan.left_out:
        notes.append(f"{plan.left_out} tapes of other symbols were left out, as --symbols says")
    scorer = prepared.plugins.scorer
    without = sum(1 for job in plan.jobs if not job.has_book)
    overrides = scorer.spec.research(scorer.config) if scorer.spec.research is not None and not detect else ()
    if without and overrides:
        options = " ".join(f"--set {one}" for one in overrides)
        notes.append(
            f"tapes without a book: {without} of {len(plan.jobs)}; their strict scores lack what needs one. The research variant, "
            f"which a backtest of one tape shows beside, would double the work; for all of them: the same command with {options}"
        )
    return notes
