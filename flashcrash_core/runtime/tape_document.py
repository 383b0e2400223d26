"""The documents of ``flashcrash tape info`` and ``verify``: what a tape holds and supports, and whether it is what it says."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
from msgspec import to_builtins

from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.tape.reader import Tape, open_tape
from flashcrash_core.market.tape.summary import TapeSummary, summarise
from flashcrash_core.market.tape.verification import verify_tape
from flashcrash_core.runtime.launch import prepare
from flashcrash_core.runtime.request import RunRequest
from flashcrash_core.trading.matching.settings import FillModel

__all__ = ["INFO_SCHEMA", "VERIFY_SCHEMA", "tape_info", "tape_verification"]

INFO_SCHEMA: Final = "flashcrash.tape_info/1"
VERIFY_SCHEMA: Final = "flashcrash.tape_verify/1"

Progress = Callable[[float | None, int], None]


def tape_info(path: Path) -> dict[str, Any]:
    """What ``tape info --json`` prints. Times in microseconds UTC of event time, prices as exact decimals in text.

    Raises DataError for what is no tape, ConfigError or PluginError when the configured indicators cannot be listed.
    """
    tape = open_tape(path)
    manifest = tape.manifest
    summary = summarise(tape)
    instrument = manifest.instrument.instrument()

    def price(ticks: int) -> str:
        return f"{instrument.price(ticks):f}"

    book = None
    if summary.book is not None:
        book = {
            "snapshots": summary.book.snapshots,
            "updates": summary.book.deltas,
            "gaps": summary.book.gaps,
            "unsynced_s": summary.book.unsynced_us / 1e6,
        }
    return {
        "schema": INFO_SCHEMA,
        "tape": str(tape.path),
        "symbol": manifest.symbol,
        "day": manifest.day,
        "hash": manifest.hash,
        "grade": str(manifest.data_tier),
        "has_book": manifest.has_book,
        "synthetic_book": manifest.synthetic_book,
        "instrument": to_builtins(manifest.instrument),
        "time_unit": manifest.time_unit,
        "rows": manifest.rows,
        "bytes": sum(column.nbytes for table in tape.columns.tables.values() for column in table.values()),
        "first_exchange_us": manifest.first_exchange_us,
        "last_exchange_us": manifest.last_exchange_us,
        "span_s": summary.span_us / 1e6,
        "silences": [{"from_us": one.from_us, "seconds": one.duration_us / 1e6} for one in summary.silences],
        "trade_ids": {"jumps": summary.trade_id_gaps, "missing": summary.trade_ids_missing},
        "book": book,
        "low": price(summary.low_ticks) if summary.low_ticks else None,
        "high": price(summary.high_ticks) if summary.high_ticks else None,
        "volume": f"{instrument.quantity(summary.traded_lots):f}",
        "drawdowns": [
            {
                "window_s": fall.window_s,
                "percent": round(100 * fall.fraction, 4),
                "from_price": price(fall.high_ticks),
                "to_price": price(fall.low_ticks),
                "at_us": fall.low_us,
            }
            for fall in summary.drawdowns
        ],
        "peak_messages_per_s": summary.peak_per_s,
        "peak_at_us": summary.peak_us,
        "supports": _supports(tape, summary),
        "marks": to_builtins(manifest.marks),
        "warnings": manifest.warnings,
        "sources": to_builtins(manifest.sources),
        "version": manifest.version,
    }


def _supports(tape: Tape, summary: TapeSummary) -> dict[str, Any]:
    """Which indicators of the configured profile can be read from it, which fill models apply, and whether it is long enough."""
    prepared = prepare(RunRequest())
    manifest = tape.manifest
    usable = summary.book is not None and summary.book.ever_synced
    missing = {}
    ready_s = {}
    for name, indicator in prepared.plugins.indicators.items():
        if "book" in indicator.spec.needs and not usable:
            missing[name] = "needs a book" if not manifest.has_book else "needs a book, and this one never is usable"
        elif "trades" in indicator.spec.needs and not manifest.rows["trades"]:
            missing[name] = "needs trades"
        else:
            ready_s[name] = indicator.spec.warmup_s
    warmup_s = prepared.config.settings.detector.warmup_s
    span_s = summary.span_us / 1e6
    return {
        "indicators": sorted(ready_s),
        "missing": missing,
        "fill_models": [str(model) for model in (FillModel.M1, FillModel.M2, FillModel.M3) if usable or model is FillModel.M1],
        "evidence": manifest.data_tier is not DataTier.SYNTHETIC and not manifest.synthetic_book,
        "warm_up_s": warmup_s,
        "rows_of_features": int(Decimal(summary.span_us) / GRID_US),
        "warms_up": span_s >= warmup_s,
        "usable_s": max(span_s - warmup_s, 0.0),
    }


def tape_verification(path: Path, on_progress: Progress | None = None) -> dict[str, Any]:
    """What ``tape verify --json`` prints; ``ok`` says whether nothing differs. Raises DataError for what cannot be opened."""
    tape = open_tape(path)
    events = tape.manifest.rows["events"]

    def tell(fraction: float, _what: str) -> None:
        if on_progress is not None:
            on_progress(fraction, round(events * fraction))

    problems, findings = verify_tape(tape, tell)
    return {
        "schema": VERIFY_SCHEMA,
        "tape": str(tape.path),
        "hash": tape.manifest.hash,
        "ok": not problems,
        "events": events,
        "columns": len(tape.manifest.columns),
        "problems": [attrs.asdict(problem) for problem in problems],
        "findings": [{**attrs.asdict(finding), "told": finding.told} for finding in findings if finding.found],
    }
