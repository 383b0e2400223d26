"""The research variant that a trades-only backtest shows beside the strict one.

Without a book 35 of 100 points are missing, so strict scoring cannot pass 65 and never enters at 70 (reference section 4). The
variant divides by the weight that is there and switches the liquidity gate off. It is research, flagged as such, and runs in a
second process beside the main run.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import attrs

from flashcrash_core.runtime import launch

__all__ = ["RENORMALISED", "run_with_comparison"]

RENORMALISED: Final = ("scorer.mode=renormalise", "scorer.liquidity_gate=false")


def run_with_comparison(request: launch.RunRequest, on_progress: launch.Progress | None = None) -> dict[str, Any]:
    """Run the request; for data without a book add ``research``: the same run with renormalised scores."""
    if not _wants_variant(request):
        return launch.execute(request, on_progress)
    variant = attrs.evolve(request, overrides=(*request.overrides, *RENORMALISED), keep=False)
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        second = pool.submit(launch.execute, variant)
        report = launch.execute(request, on_progress)
        report["research"] = {
            "note": "renormalised score, liquidity gate off: research only, never a result to trade on",
            "overrides": list(RENORMALISED),
            **{key: value for key, value in second.result().items() if key in _SHOWN},
        }
    return report


_SHOWN: Final = frozenset(
    {
        "trades",
        "entries_rejected",
        "entries_made",
        "orders_filled",
        "fees",
        "pnl_net",
        "equity_end",
        "decision_hash",
        "score",
        "markouts",
        "fill_model",
    }
)


def _wants_variant(request: launch.RunRequest) -> bool:
    prepared = launch.prepare(request)
    scorer = prepared.plugins.scorer
    if scorer.spec.name != "weighted" or getattr(scorer.config, "mode", "") != "strict":
        return False
    return not launch.has_book(prepared, request)
