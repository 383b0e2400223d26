"""What a session's records add up to: profit, win rate, holding time, drawdown, fees, scores. Pure functions, exact money.

The numbers say what the recorded fills say; how far those can be trusted is the session's ``data_tier`` and fill model, which stand
beside them in every report.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from attrs import frozen

from flashcrash_core.market.instruments import money_to_decimal
from flashcrash_core.runtime.records import AuditRecord, FillRecord, IntentRecord, ScoreRecord, TradeRecord, TransitionRecord

__all__ = ["SessionStats", "max_drawdown", "percentile", "session_stats"]


@frozen(kw_only=True)
class SessionStats:
    """Statistics of one session. Money is in quote currency; None where there is nothing to take a statistic of."""

    trades: int
    wins: int
    """Closed trades with a profit after fees. One that ends at exactly 0 is neither won nor lost."""
    losses: int
    win_rate: float | None
    """``wins / trades``, 0 to 1."""
    pnl_net: Decimal
    """Sum over closed trades, after their fees."""
    pnl_best: Decimal | None
    pnl_worst: Decimal | None
    fees: Decimal
    """Over all fills: those of positions that are still open count too."""
    hold_mean_s: float | None
    hold_median_s: float | None
    equity_start: Decimal
    equity_end: Decimal
    """Start plus closed trades; positions still open are not valued."""
    max_drawdown: Decimal
    """Largest fall of that equity from an earlier peak, the start included."""
    max_drawdown_fraction: float | None
    """The largest fall relative to its peak; None when the start is 0."""
    orders: int
    cancels: int
    fills: int
    maker_fills: int
    considered: int
    """Entries that the strategy looked at."""
    entered: int
    """Those it went on with: their refusal is empty."""
    scores: int
    """Scores that were asked for; the next three are over these."""
    score_mean: float | None
    score_p50: float | None
    score_p95: float | None
    refusals: dict[str, int]
    """Refused entries by reason, the most frequent first."""
    exits: dict[str, int]
    """Closed trades by exit reason, the most frequent first."""
    transitions: dict[str, int]
    """Changes of state, as ``SLEEP->ALERT``, the most frequent first."""
    audit: dict[str, int]
    """Audit records by kind, the most frequent first."""

    def as_dict(self) -> dict[str, Any]:
        """Field name to value, for JSON; money stays Decimal."""
        return {name: getattr(self, name) for name in self.__annotations__}


def session_stats(
    *,
    equity_start_minor: int,
    trades: Sequence[TradeRecord] = (),
    fills: Sequence[FillRecord] = (),
    intents: Sequence[IntentRecord] = (),
    scores: Sequence[ScoreRecord] = (),
    transitions: Sequence[TransitionRecord] = (),
    audit: Sequence[AuditRecord] = (),
) -> SessionStats:
    """Statistics from a session's records. ``equity_start_minor`` is in minor units (1e-10 quote)."""
    results = [trade.pnl_minor for trade in sorted(trades, key=lambda trade: (trade.exit_us, trade.seq))]
    wins = sum(pnl > 0 for pnl in results)
    holds = [(trade.exit_us - trade.entry_us) / 1e6 for trade in trades]
    asked = [record.total for record in scores if not math.isnan(record.total)]
    drop_minor, drop_fraction = max_drawdown(equity_start_minor, results)
    return SessionStats(
        trades=len(results),
        wins=wins,
        losses=sum(pnl < 0 for pnl in results),
        win_rate=wins / len(results) if results else None,
        pnl_net=money_to_decimal(sum(results)),
        pnl_best=money_to_decimal(max(results)) if results else None,
        pnl_worst=money_to_decimal(min(results)) if results else None,
        fees=money_to_decimal(sum(fill.fee_minor for fill in fills)),
        hold_mean_s=_mean(holds),
        hold_median_s=percentile(holds, 0.5),
        equity_start=money_to_decimal(equity_start_minor),
        equity_end=money_to_decimal(equity_start_minor + sum(results)),
        max_drawdown=money_to_decimal(drop_minor),
        max_drawdown_fraction=drop_fraction,
        orders=sum(intent.kind == "submit" for intent in intents),
        cancels=sum(intent.kind == "cancel" for intent in intents),
        fills=len(fills),
        maker_fills=sum(fill.maker for fill in fills),
        considered=len(scores),
        entered=sum(not record.refused for record in scores),
        scores=len(asked),
        score_mean=_mean(asked),
        score_p50=percentile(asked, 0.5),
        score_p95=percentile(asked, 0.95),
        refusals=_counted(record.refused for record in scores if record.refused),
        exits=_counted(trade.exit_reason for trade in trades),
        transitions=_counted(f"{record.source}->{record.target}" for record in transitions),
        audit=_counted(record.kind for record in audit),
    )


def max_drawdown(start_minor: int, results_minor: Iterable[int]) -> tuple[int, float | None]:
    """Largest fall from a peak of ``start + cumulated results``: absolute in minor units, and relative to its own peak.

    The two may come from different falls: a large one from a high peak can be a small fraction.
    """
    equity = peak = start_minor
    drop, fraction = 0, 0.0
    for result in results_minor:
        equity += result
        peak = max(peak, equity)
        drop = max(drop, peak - equity)
        if peak > 0:
            fraction = max(fraction, (peak - equity) / peak)
    return drop, fraction if start_minor > 0 else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Quantile with linear interpolation between the order statistics (numpy's default); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _counted(names: Iterable[str]) -> dict[str, int]:
    """Counts by name, the most frequent first; equal ones by name, so that reports do not depend on the order of events."""
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
