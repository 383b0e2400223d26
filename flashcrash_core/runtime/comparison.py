"""The research variant that a run on data without a book shows beside the strict one.

Without a book some indicators are missing. Strict scoring counts them as 0, so a threshold may be out of reach (reference section
4). A scorer may therefore name the overrides of a research variant; that run goes on in a second process beside the main one, and
whatever happens to it, the main run's report stands.
"""

import sys
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Final

import attrs
from attrs import frozen

from flashcrash_core.errors import FlashcrashError
from flashcrash_core.runtime import launch
from flashcrash_core.runtime.composition import Composition

__all__ = ["run_with_comparison"]

_SHOWN: Final = frozenset(
    {
        "status",
        "trades",
        "entries_rejected",
        "entries_made",
        "orders",
        "orders_open",
        "fills",
        "open_positions",
        "positions",
        "fees",
        "pnl_net",
        "pnl_realised",
        "pnl_unrealised",
        "equity_end",
        "decision_hash",
        "score",
        "markouts",
        "fill_model",
    }
)
"""What the score changes. The detector's part of the report is the same in both runs."""


def run_with_comparison(request: launch.RunRequest, on_progress: launch.Progress | None = None) -> dict[str, Any]:
    """Run the request; for data without a book add ``research``: the same run as the scorer's research variant.

    A variant that fails leaves ``research = {"note", "overrides", "error"}`` and a warning.
    """
    started: list[_Variant] = []

    def begin(prepared: launch.Prepared, composition: Composition) -> None:
        if not any(known.has_book for known in composition.source.symbols.values()):
            started.extend(_begin_variant(prepared, request))

    try:
        report = launch.execute(request, on_progress, begin)
        for variant in started:
            # Whoever stopped the run does not want to wait for the other one, and a part beside a part compares nothing.
            stopped = report["status"] == "interrupted"
            research = {"error": "not computed, the run was interrupted"} if stopped else variant.result()
            report["research"] = {"note": variant.note, "overrides": list(variant.overrides), **research}
            if "error" in research and not stopped:
                report["warnings"].append(
                    f"the research variant failed, the report of the run itself is complete: {research['error']}. To see more, "
                    f"run it alone with {' '.join(f'--set {one}' for one in variant.overrides)}"
                )
    finally:
        for variant in started:
            variant.close()
    return report


@frozen
class _Variant:
    """A variant under way. ``note`` says what it is and what it is compared with."""

    overrides: tuple[str, ...]
    note: str
    process: SpawnProcess
    answer: Connection

    def result(self) -> dict[str, Any]:
        """The shown part of its report, or ``error``. Waits for it."""
        try:
            answer: dict[str, Any] = self.answer.recv()
        except EOFError:
            self.process.join()
            return {"error": f"its process ended without an answer (exit code {self.process.exitcode})"}
        return answer

    def close(self) -> None:
        """End the process, which nobody waits for any more."""
        if self.process.is_alive():
            self.process.kill()  # it keeps nothing; asked to terminate, it would finish a report that nobody reads
        self.process.join()
        self.answer.close()


def _begin_variant(prepared: launch.Prepared, request: launch.RunRequest) -> list[_Variant]:
    scorer = prepared.plugins.scorer
    overrides = scorer.spec.research(scorer.config) if scorer.spec.research is not None else ()
    if not overrides:
        return []
    note = f"research only, never a result to trade on: the same run with {' and '.join(overrides)}"
    missing = frozenset(name for name, indicator in prepared.plugins.indicators.items() if "book" in indicator.spec.needs)
    if scorer.spec.shortfall is not None and (shortfall := scorer.spec.shortfall(scorer.config, missing)):
        note += f". {shortfall}"
    context = get_context("spawn")
    answer, end = context.Pipe(duplex=False)
    process = context.Process(target=_run_variant, args=(request, overrides, end), daemon=True)
    process.start()
    end.close()  # the child's copy is the only one left: its end shows here as the end of the answer
    return [_Variant(overrides, note, process, answer)]


def _run_variant(request: launch.RunRequest, overrides: Sequence[str], end: Connection) -> None:
    """In the second process: run, and answer with what is shown or with what went wrong."""
    sys.stdout = sys.stderr  # the report of the run is printed by the first process; a plugin that prints must not get between
    try:
        report = launch.execute(attrs.evolve(request, overrides=(*request.overrides, *overrides), keep=False))
        end.send({key: value for key, value in report.items() if key in _SHOWN})
    except FlashcrashError as error:
        end.send({"error": str(error)})
    except Exception as error:
        end.send({"error": f"{type(error).__name__}: {error}"})
    except KeyboardInterrupt:
        end.send({"error": "interrupted"})
