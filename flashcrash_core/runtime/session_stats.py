"""What a session's records add up to: profit, win rate, holding time, drawdown, fees, scores. Exact money.

The numbers say what the recorded fills say; how far those can be trusted is the session's ``data_tier`` and fill model, which stand
beside them in every report.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import asdict, frozen

from flashcrash_core.market.instruments import Instrument, money_to_decimal
from flashcrash_core.runtime.records import (
    AuditRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    ScoreRecord,
    SessionRecord,
    TradeRecord,
    TransitionRecord,
)
from flashcrash_core.runtime.session_account import HeldPosition, OpenOrder, account, instruments_of, report_of
from flashcrash_core.runtime.storage import Store

__all__ = ["SessionStats", "max_drawdown", "percentile", "session_stats", "stored_stats"]


@frozen(kw_only=True)
class SessionStats:
    """Statistics of one session. Money is in quote currency; None where there is nothing to take a statistic of."""

    trades: int
    """Closed round trips; the next counts are of these."""
    wins: int
    """Closed trades with a profit after fees. One that ends at exactly 0 is neither won nor lost."""
    losses: int
    win_rate: float | None
    """``wins / trades``, 0 to 1."""
    pnl_net: Decimal | None
    """As in the run's report: closed trades and what is held. None when something is held whose mark is unknown."""
    pnl_realised: Decimal
    """Sum over closed trades, after their fees."""
    pnl_unrealised: Decimal | None
    """Of what is held, after the fees paid on it; 0 when nothing is held."""
    pnl_best: Decimal | None
    pnl_worst: Decimal | None
    fees: Decimal
    """Over all fills: those of positions that are still open count too."""
    hold_mean_s: float | None
    hold_median_s: float | None
    equity_start: Decimal
    equity_end: Decimal | None
    """As in the run's report; None like ``pnl_net``."""
    open_positions: tuple[HeldPosition, ...]
    open_orders: tuple[OpenOrder, ...]
    max_drawdown: Decimal
    """Largest fall of start plus closed trades from an earlier peak, the start included."""
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
        return asdict(self)


def session_stats(
    *,
    equity_start_minor: int,
    trades: Sequence[TradeRecord] = (),
    fills: Sequence[FillRecord] = (),
    intents: Sequence[IntentRecord] = (),
    notices: Sequence[NoticeRecord] = (),
    scores: Sequence[ScoreRecord] = (),
    transitions: Sequence[TransitionRecord] = (),
    audit: Sequence[AuditRecord] = (),
    instruments: Mapping[str, Instrument] | None = None,
    report: Mapping[str, Any] | None = None,
) -> SessionStats:
    """Statistics from a session's records. ``equity_start_minor`` is in minor units (1e-10 quote).

    ``report`` is that of the run, which alone knows what the open positions could be sold for; ``instruments`` give their
    quantities and prices.
    """
    results = [trade.pnl_minor for trade in sorted(trades, key=lambda trade: (trade.exit_us, trade.seq))]
    wins = sum(pnl > 0 for pnl in results)
    holds = [(trade.exit_us - trade.entry_us) / 1e6 for trade in trades]
    asked = [record.total for record in scores if not math.isnan(record.total)]
    money = account(
        equity_start_minor=equity_start_minor,
        trades=trades,
        fills=fills,
        intents=intents,
        notices=notices,
        instruments=instruments or {},
        report=report or {},
    )
    drop_minor, drop_fraction = max_drawdown(equity_start_minor, results)
    return SessionStats(
        trades=len(results),
        wins=wins,
        losses=sum(pnl < 0 for pnl in results),
        win_rate=wins / len(results) if results else None,
        pnl_net=money.pnl_net,
        pnl_realised=money.pnl_realised,
        pnl_unrealised=money.pnl_unrealised,
        pnl_best=money_to_decimal(max(results)) if results else None,
        pnl_worst=money_to_decimal(min(results)) if results else None,
        fees=money_to_decimal(sum(fill.fee_minor for fill in fills)),
        hold_mean_s=_mean(holds),
        hold_median_s=percentile(holds, 0.5),
        equity_start=money_to_decimal(equity_start_minor),
        equity_end=money.equity_end,
        open_positions=money.positions,
        open_orders=money.orders,
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


def stored_stats(store: Store, session: SessionRecord) -> SessionStats:
    """Statistics of a stored session, from its rows and its report. Raises StorageError."""
    return session_stats(
        equity_start_minor=session.equity_start_minor,
        trades=store.read(session.id, TradeRecord),
        fills=store.read(session.id, FillRecord),
        intents=store.read(session.id, IntentRecord),
        notices=store.read(session.id, NoticeRecord),
        scores=store.read(session.id, ScoreRecord),
        transitions=store.read(session.id, TransitionRecord),
        audit=store.read(session.id, AuditRecord),
        instruments=instruments_of(session),
        report=report_of(session),
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
