"""The report of a run as one JSON-able document. Names and keys are a contract (docs/architecture.md).

Times are exchange microseconds; prices, quantities and money are exact decimals, printed as JSON numbers.
"""

from collections import Counter
from decimal import Decimal
from typing import Any, Final

from attrs import asdict

from flashcrash_core.detection.episodes import Episode
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import Instrument, money_to_decimal
from flashcrash_core.runtime.composition import Composition
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.records import TradeRecord
from flashcrash_core.runtime.report_warnings import report_warnings
from flashcrash_core.runtime.resume import Tally
from flashcrash_core.runtime.runner import RunOutcome
from flashcrash_core.runtime.session import Session
from flashcrash_core.runtime.session_stats import percentile
from flashcrash_core.runtime.venue_connection import executor_health
from flashcrash_core.trading.positions import Position

__all__ = ["SCHEMA", "build_report", "detection_report"]

_PRICES: Final = frozenset({"alert_price", "price", "high", "low"})
SCHEMA: Final = "flashcrash.report/1"


def build_report(
    composition: Composition, outcome: RunOutcome, tally: Tally, *, mode: str, engine: str, session_id: str | None
) -> dict[str, Any]:
    """The full report of a trading run."""
    session = composition.session
    ledger = session.blotter.ledger
    report = detection_report(composition, outcome, engine=engine)
    equity_end = session.equity_minor()
    realised = sum(t.pnl_minor for t in tally.trades)
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
        "orders": dict(session.order_ends.most_common()),
        "orders_open": len(session.blotter.orders),
        **({} if (health := executor_health(composition.executor)) is None else {"executor_health": health}),
        "fills": ledger.fills,
        "open_positions": len(session.blotter.positions),
        "positions": [_position(p, session) for p in session.blotter.positions.values()],
        "fees": _plain(money_to_decimal(ledger.fees_minor)),
        "pnl_net": _plain(money_to_decimal(equity_end - ledger.equity_start_minor)),
        "pnl_realised": _plain(money_to_decimal(realised)),
        "pnl_unrealised": _plain(money_to_decimal(equity_end - ledger.equity_start_minor - realised)),
        "equity_start": _plain(money_to_decimal(ledger.equity_start_minor)),
        "equity_end": _plain(money_to_decimal(equity_end)),
        "markouts": {symbol: lane.markouts.result() for symbol, lane in session.lanes.items()},
        "score": {
            "considered": len(scores),
            "mean": round(sum(scores) / len(scores), 2) if scores else None,
            "p50": _rounded(percentile(scores, 0.5)),
            "p95": _rounded(percentile(scores, 0.95)),
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
    health = composition.source.health()
    of_a_live_feed = {} if health is None else {"feed_health": health}
    told = [] if health is None else [str(warning) for warning in health.get("warnings", ())]
    return {
        "schema": SCHEMA,
        "symbols": list(session.lanes),
        "engine": engine,
        "input": composition.source.description,
        "data_tier": str(composition.source.data_tier),
        "events": outcome.events,
        "stepped_events": outcome.events if outcome.stepped is None else outcome.stepped,
        "wall_s": round(outcome.wall_s, 3),
        "state_seconds": {state: us / 1e6 for state, us in states.items()},
        "episodes": [_episode(one, lane.setup.instrument) for lane in lanes for one in lane.episodes.episodes],
        "blind_seconds": sum(lane.blind_us for lane in lanes) / 1e6,
        "blocked_seconds": {reason: us / 1e6 for reason, us in blocked.most_common()},
        "hold_sweep": {symbol: lane.sweep.result() for symbol, lane in session.lanes.items() if lane.sweep is not None},
        "faults": session.faults,
        "indicators": _indicators(session),
        "data": {symbol: _data(lane) for symbol, lane in session.lanes.items()},
        "detection": {symbol: _why(lane) for symbol, lane in session.lanes.items()},
        "warnings": [*composition.warnings, *report_warnings(composition), *told],
        **of_a_live_feed,
    }


def _indicators(session: Session) -> dict[str, dict[str, Any]]:
    """Every indicator instance over all symbols: how long it had a reading and fired, and what it did wrong."""
    result: dict[str, dict[str, Any]] = {}
    ready_us: Counter[str] = Counter()
    span_us = sum(sum(lane.state_us.values()) for lane in session.lanes.values())
    for lane in session.lanes.values():
        shares, reasons = lane.shares(), {reading.name: reading.reason for reading in lane.readings()}
        for index, entry in enumerate(lane.panel.entries):
            count = lane.panel.faults_of(index)
            one = result.setdefault(
                entry.name,
                {
                    "plugin": entry.plugin,
                    "distribution": "",
                    "role": str(entry.role),
                    "ready_share": 0.0,
                    "fired_s": 0.0,
                    "faults": 0,
                    "quarantined": False,
                    "reason": "",
                },
            )
            ready_us[entry.name] += shares[entry.name][0]
            one["ready_share"] = round(ready_us[entry.name] / span_us, 4) if span_us else 0.0
            one["fired_s"] += shares[entry.name][1] / 1e6
            one["faults"] += count.total
            one["quarantined"] |= count.quarantined
            one["reason"] = one["reason"] or reasons[entry.name]
    return result


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


def _position(position: Position, session: Session) -> dict[str, Any]:
    instrument = session.instruments[position.symbol]
    return {
        "symbol": position.symbol,
        "quantity": _plain(instrument.quantity(position.held_lots)),
        "entry_price": _plain(_average(position.entry_ticks, instrument.tick_size)),
        "mark": _plain(instrument.price(session.mark_ticks(position.symbol))),
        "opened_us": position.opened_us,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _average(ticks: float, tick_size: Decimal) -> Decimal:
    """An average of several fills lies between two ticks; four more digits are enough to read."""
    return (Decimal(repr(ticks)) * tick_size).quantize(tick_size / 10_000).normalize()


def _data(lane: Lane) -> dict[str, Any]:
    market: FeatureAccumulator = lane.market
    counts = {**market.counts, **{f"book_{name}": n for name, n in market.sync.counts.items()}}
    rejected = {name.removeprefix("rejected."): n for name, n in counts.items() if name.startswith("rejected.")}
    tier = DataTier.L2 if lane.setup.has_book else DataTier.TRADES
    if lane.setup.synthetic_market:
        tier = DataTier.SYNTHETIC
    return {
        "tier": str(tier),
        "has_book": lane.setup.has_book,
        "first_us": lane.first_us or None,
        "last_us": lane.row.t_us if lane.row is not None else None,
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
        needed = detector.config.minimum_available
        reasons.append(f"DEGRADED at the end: {detector.available} core indicators had a reading, {needed} are needed")
    absent = [reading.name for reading in lane.readings() if reading.reason == "no_book"]
    if absent:
        reasons.append(f"no book in the data: {', '.join(absent)} are missing; scores count them as 0 unless renormalised")
    return {
        "warmup_s": warmup_s,
        "span_s": total_s,
        "warm": detector.warm,
        "notes": reasons,
        "readings": [
            asdict(reading) | {"role": str(entry.role)} for reading, entry in zip(lane.readings(), lane.panel.entries, strict=True)
        ],
    }


def _episode(episode: Episode, instrument: Instrument) -> dict[str, Any]:
    """An episode with its prices as exact decimals: they came from ticks, or from the middle between two."""

    def exact(price: float | None) -> Decimal | None:
        half = instrument.tick_size / 2
        return None if price is None else _plain(round(Decimal(price) / half) * half)

    def prices(part: dict[str, Any]) -> dict[str, Any]:
        return {key: exact(value) if key in _PRICES else value for key, value in part.items()}

    shown = asdict(episode)
    return prices(shown) | {"spans": [prices(span) for span in shown["spans"]]}


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros and never in exponent form."""
    value = value.normalize()
    return value if value.as_tuple().exponent <= 0 else value.quantize(Decimal(1))  # type: ignore[operator]


def _one(values: Any) -> str:
    names = sorted(set(values))
    return names[0] if len(names) == 1 else "+".join(names)
