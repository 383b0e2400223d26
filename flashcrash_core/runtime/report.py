"""The report of a run as one JSON-able document. Names and keys are a contract (docs/architecture.md).

Times are exchange microseconds; prices, quantities and money are exact decimals, printed as JSON numbers.
"""

from collections import Counter
from decimal import Decimal
from typing import Any, Final

from attrs import asdict

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import money_to_decimal
from flashcrash_core.runtime.composition import Composition
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.records import TradeRecord
from flashcrash_core.runtime.resume import Tally
from flashcrash_core.runtime.runner import RunOutcome

__all__ = ["SCHEMA", "build_report", "detection_report"]

SCHEMA: Final = "flashcrash.report/1"


def build_report(
    composition: Composition, outcome: RunOutcome, tally: Tally, *, mode: str, engine: str, session_id: str | None
) -> dict[str, Any]:
    """The full report of a trading run."""
    session = composition.session
    ledger = session.blotter.ledger
    report = detection_report(composition, outcome, engine=engine)
    equity_end = session.equity_minor()
    scores = sorted(s.total for s in tally.scores if s.total == s.total)
    report |= {
        "mode": mode,
        "session": session_id,
        "status": outcome.status,
        "halted": session.halted or None,
        "fill_model": _one(composition.fill_models.values()),
        "decision_hash": session.hash.hex,
        "decisions": session.hash.count,
        "trades": [_trade(t, composition) for t in tally.trades],
        "entries_rejected": dict(session.refusals.most_common()),
        "entries_made": sum(1 for s in tally.scores if not s.refused),
        "orders_filled": ledger.fills,
        "open_positions": len(session.blotter.positions),
        "fees": _plain(money_to_decimal(ledger.fees_minor)),
        "pnl_net": _plain(money_to_decimal(equity_end - ledger.equity_start_minor)),
        "equity_start": _plain(money_to_decimal(ledger.equity_start_minor)),
        "equity_end": _plain(money_to_decimal(equity_end)),
        "markouts": {symbol: lane.markouts.result() for symbol, lane in session.lanes.items()},
        "score": {
            "considered": len(scores),
            "mean": round(sum(scores) / len(scores), 2) if scores else None,
            "p50": round(_quantile(scores, 0.5), 2) if scores else None,
            "p95": round(_quantile(scores, 0.95), 2) if scores else None,
        },
    }
    return report


def detection_report(composition: Composition, outcome: RunOutcome, *, engine: str) -> dict[str, Any]:
    """The detector's part: what ``flashcrash detect`` prints."""
    session = composition.session
    lanes = session.lanes.values()
    states: Counter[str] = Counter()
    blocked: Counter[str] = Counter()
    for lane in lanes:
        states.update(lane.state_us)
        blocked.update(lane.blocked_us)
    return {
        "schema": SCHEMA,
        "symbols": list(session.lanes),
        "engine": engine,
        "input": composition.source.description,
        "data_tier": str(composition.source.data_tier),
        "events": outcome.events,
        "wall_s": round(outcome.wall_s, 3),
        "state_seconds": {state: us / 1e6 for state, us in states.items()},
        "episodes": [asdict(episode) for lane in lanes for episode in lane.episodes.episodes],
        "blocked_seconds": {reason: us / 1e6 for reason, us in blocked.most_common()},
        "hold_sweep": {symbol: lane.sweep.result() for symbol, lane in session.lanes.items() if lane.sweep is not None},
        "data": {symbol: _data(lane) for symbol, lane in session.lanes.items()},
        "detection": {symbol: _why(lane) for symbol, lane in session.lanes.items()},
        "warnings": [*composition.warnings, *_data_warnings(composition)],
    }


def _trade(t: TradeRecord, composition: Composition) -> dict[str, Any]:
    instrument = composition.session.instruments[t.symbol]
    return {
        "symbol": t.symbol,
        "entry_us": t.entry_us,
        "exit_us": t.exit_us,
        "entry_price": _plain(_average(t.entry_ticks, instrument.tick_size)),
        "exit_price": _plain(_average(t.exit_ticks, instrument.tick_size)),
        "quantity": _plain(instrument.quantity(t.qty_lots)),
        "fees": _plain(money_to_decimal(t.fee_minor)),
        "pnl_net": _plain(money_to_decimal(t.pnl_minor)),
        "exit_reason": t.exit_reason,
        "score": None if t.score != t.score else round(t.score, 2),
        "hold_s": (t.exit_us - t.entry_us) / 1e6,
    }


def _average(ticks: float, tick_size: Decimal) -> Decimal:
    """An average of several fills lies between two ticks; four more digits are enough to read."""
    return (Decimal(repr(ticks)) * tick_size).quantize(tick_size / 10_000).normalize()


def _data(lane: Lane) -> dict[str, Any]:
    market: FeatureAccumulator = lane.market
    counts = {**market.counts, **{f"book_{name}": n for name, n in market.sync.counts.items()}}
    rejected = {name.removeprefix("rejected."): n for name, n in counts.items() if name.startswith("rejected.")}
    return {
        "tier": str(DataTier.L2) if lane.setup.has_book else str(DataTier.TRADES),
        "price_source": "mid" if lane.setup.source_is_mid else "trade",
        "counts": {name: n for name, n in sorted(counts.items()) if not name.startswith("rejected.")},
        "rejected": rejected,
        "rounded_quantities": lane.setup.instrument.rounded_quantities,
        "silence_restarts": lane.restarts,
    }


def _why(lane: Lane) -> dict[str, Any]:
    """What the detector could and could not see: the readings at the end, and why ACTIVE may have been out of reach."""
    detector = lane.detector
    total_s = sum(lane.state_us.values()) / 1e6
    reasons = []
    warmup_s = detector.config.warmup_s
    if total_s <= warmup_s:
        reasons.append(f"the data spans {total_s:.1f} s, the warm-up needs {warmup_s:g} s: nothing could fire")
    elif total_s - warmup_s < 60:
        reasons.append(f"the data outlasts the warm-up by only {total_s - warmup_s:.1f} s")
    if detector.degraded:
        reasons.append(
            f"DEGRADED: {detector.available} of {detector.config.minimum_available} core indicators available at the end"
        )
    if not lane.setup.has_book:
        reasons.append("no book: imbalance, spread and depth are missing; strict scores cannot pass 65 and no entry can pass 70")
    return {
        "warmup_s": warmup_s,
        "span_s": total_s,
        "warm": detector.warm,
        "notes": reasons,
        "readings": [asdict(reading) for reading in lane.readings()],
    }


def _data_warnings(composition: Composition) -> list[str]:
    warnings = []
    session = composition.session
    for symbol, lane in session.lanes.items():
        counts, sync = lane.market.counts, lane.market.sync.counts
        rejected = sum(n for name, n in counts.items() if name.startswith("rejected."))
        if rejected:
            warnings.append(f"{symbol}: {rejected} input messages rejected (see data.rejected)")
        if sync["gaps"] or counts["feed_gaps"]:
            warnings.append(f"{symbol}: {sync['gaps'] + counts['feed_gaps']} gaps in the data; the book was unusable until resync")
        if counts["late"]:
            warnings.append(f"{symbol}: {counts['late']} late events kept out of the indicators")
        if rounded := lane.setup.instrument.rounded_quantities:
            warnings.append(f"{symbol}: {rounded} quantities finer than the lot ({lane.setup.instrument.lot_size}) rounded down")
        if lane.setup.instrument.inferred:
            grid = f"tick {lane.setup.instrument.tick_size}, lot {lane.setup.instrument.lot_size}"
            warnings.append(f"{symbol}: the price grid ({grid}) was inferred from the data; set [instruments.{symbol}]")
        warnings.extend(
            f"{symbol}: indicator {reading.name} was quarantined after repeated faults; its reading is missing"
            for reading in lane.readings()
            if reading.reason == "quarantined"
        )
    for symbol, number in session.unknown_symbols.items():
        warnings.append(f"{number} events of {symbol}, which this run does not trade, were ignored")
    return warnings


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros and never in exponent form."""
    value = value.normalize()
    return value if value.as_tuple().exponent <= 0 else value.quantize(Decimal(1))  # type: ignore[operator]


def _one(values: Any) -> str:
    names = sorted(set(values))
    return names[0] if len(names) == 1 else "+".join(names)


def _quantile(ordered: list[float], q: float) -> float:
    position = q * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
