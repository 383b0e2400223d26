"""One summary of many reports: a row for each tape, totals, and statistics over events and event days instead of trades.

Pure. The same reports give the same document, whoever made them and in whatever order. Trades of one crash are one observation, and
crashes of one day hang together (reference section 9.3), so the statistics count episodes, and beside them UTC days with one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from flashcrash_core.market.feed import DataTier
from flashcrash_core.runtime.event_statistics import share, spread
from flashcrash_core.runtime.many_plan import TapeJob

__all__ = ["SCHEMA", "TapeResult", "kept_parts", "summarised"]

SCHEMA: Final = "flashcrash.summary/1"

_STATES: Final = ("SLEEP", "ALERT", "ACTIVE", "RECOVERY", "SHUTDOWN")
_WORST_FIRST: Final = (DataTier.SYNTHETIC, DataTier.TRADES, DataTier.L2)
_USED: Final = (
    "status",
    "halted",
    "events",
    "state_seconds",
    "episodes",
    "trades",
    "fees",
    "pnl_net",
    "open_positions",
    "decision_hash",
    "fill_model",
    "data_tier",
    "warnings",
)
_MICRO: Final = Decimal("1e-6")


@frozen
class TapeResult:
    """What became of a tape: its report, an error, or neither while it has not been run."""

    path: Path
    job: TapeJob | None
    report: dict[str, Any] | None = field(default=None)
    """What :func:`kept_parts` keeps of it; numbers with a fraction are decimals."""
    error: str = field(default="")

    @property
    def status(self) -> str:
        """``done``, ``halted`` (by risk), ``failed`` or ``pending``."""
        if self.report is not None:
            return str(self.report["status"])
        return "failed" if self.error else "pending"


def kept_parts(report: dict[str, Any]) -> dict[str, Any]:
    """What a summary needs of a report: those of many tapes are held at a time."""
    return {key: report[key] for key in _USED if key in report}


def summarised(results: Iterable[TapeResult], *, detect: bool = False, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The document. With ``detect`` there is nothing of trades and money in it. Times in seconds, money in the quote asset."""
    ordered = sorted(results, key=lambda one: (one.job is None, one.job and (one.job.market, one.job.day), str(one.path)))
    reported = [(one.job, one.report) for one in ordered if one.job is not None and one.report is not None]
    statuses = Counter(one.status for one in ordered)
    tiers = {job.data_tier for job, _ in reported} or {one.job.data_tier for one in ordered if one.job is not None}
    observations = [seen for _, report in reported for seen in _observations(report)]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "mode": "detect" if detect else "backtest",
        "status": _status(statuses),
        "data_tier": str(next((tier for tier in _WORST_FIRST if tier in tiers), DataTier.L2)) if tiers else None,
        "totals": _totals(ordered, reported, statuses) | ({} if detect else _money(reported)),
        "episodes": _of_episodes(observations, detect=detect),
        "event_days": _of_days(observations, detect=detect),
        "tapes": [_row(one, detect=detect) for one in ordered],
        "warnings": [*notes, *_of_money(reported, detect=detect)],
        "tape_warnings": _collated(reported),
    }
    if not detect:
        counted = sum(seen.trades for seen in observations)
        document["episodes"]["trades_outside"] = document["totals"]["trades"] - counted
    return document


def _status(statuses: Counter[str]) -> str:
    return next((status for status in ("pending", "failed", "halted") if statuses[status]), "done").replace(
        "pending", "interrupted"
    )


def _row(result: TapeResult, *, detect: bool) -> dict[str, Any]:
    job, report = result.job, result.report or {}
    episodes = report.get("episodes")
    row = {
        "tape": str(result.path),
        "symbol": job.symbol if job else None,
        "market": job.market if job else None,
        "day": job.day if job else None,
        "hash": job.hash if job else None,
        "data_tier": str(job.data_tier) if job else None,
        "status": result.status,
        "error": result.error or (f"halted by risk: {report['halted']}" if report.get("halted") else None),
        "events": report.get("events"),
        "state_seconds": _in_order(report["state_seconds"]) if report else None,
        "episodes": None if episodes is None else len(episodes),
        "reached_active": None if episodes is None else sum(1 for one in episodes if one["active_us"] is not None),
        "decision_hash": report.get("decision_hash"),
        "warnings": len(report["warnings"]) if report else None,
    }
    if not detect:
        row |= {"trades": len(report["trades"]) if report else None, "fees": report.get("fees"), "pnl_net": report.get("pnl_net")}
    return row


def _totals(
    results: Sequence[TapeResult], reported: Sequence[tuple[TapeJob, dict[str, Any]]], statuses: Counter[str]
) -> dict[str, Any]:
    days = sorted({job.day for job, _ in reported})
    states: dict[str, Decimal] = {}
    for _, report in reported:
        for state, seconds in report["state_seconds"].items():
            states[state] = states.get(state, Decimal(0)) + Decimal(seconds)
    return {
        "tapes": len(results),
        **{status: statuses[status] for status in ("done", "halted", "failed", "pending")},
        "symbols": sorted({job.symbol for job, _ in reported}),
        "days": len(days),
        "first_day": days[0] if days else None,
        "last_day": days[-1] if days else None,
        "events": sum(report["events"] for _, report in reported),
        "state_seconds": _in_order(states),
    }


def _money(reported: Sequence[tuple[TapeJob, dict[str, Any]]]) -> dict[str, Any]:
    trades = [trade for _, report in reported for trade in report["trades"]]
    wins = sum(1 for trade in trades if trade["pnl_net"] > 0)
    return {
        "fill_models": sorted({report["fill_model"] for _, report in reported}),
        "trades": len(trades),
        "wins": wins,
        "fees": sum((Decimal(report["fees"]) for _, report in reported), Decimal(0)),
        "pnl_net": sum((Decimal(report["pnl_net"]) for _, report in reported), Decimal(0)),
        "open_positions": sum(report["open_positions"] for _, report in reported),
    }


def _of_money(reported: Sequence[tuple[TapeJob, dict[str, Any]]], *, detect: bool) -> list[str]:
    assets = sorted({job.quote_asset for job, _ in reported})
    if detect or len(assets) < 2:
        return []
    return [f"money of {' and '.join(assets)} is added as if they were worth the same; look at the tapes, or name --symbols"]


def _collated(reported: Sequence[tuple[TapeJob, dict[str, Any]]]) -> list[dict[str, Any]]:
    texts = Counter(text for _, report in reported for text in dict.fromkeys(report["warnings"]))
    return [{"tapes": n, "text": text} for text, n in sorted(texts.items(), key=lambda item: (-item[1], item[0]))]


def _in_order(seconds: dict[str, Any]) -> dict[str, Any]:
    known = [state for state in _STATES if state in seconds]
    return {state: seconds[state] for state in (*known, *sorted(seconds.keys() - set(known)))}


# -- events ------------------------------------------------------------------------------------------------------------------


@frozen
class _Observation:
    """One episode. ``day`` is the UTC day of its alert."""

    day: str
    reached: bool
    open_at_end: bool
    trades: int
    pnl: Decimal
    """Net of its closed trades."""
    to_active_s: Decimal | None
    active_s: Decimal
    remaining: Decimal | None
    """Fall from the price at ACTIVE to the episode's low, as a fraction of that price; 0 when the low was before."""
    remaining_of_fall: Decimal | None
    """The same as a fraction of the whole fall from the episode's high (reference section 9.1)."""
    late: bool
    """The low was before ACTIVE."""


def _observations(report: dict[str, Any]) -> list[_Observation]:
    episodes = sorted(report["episodes"], key=lambda one: one["alert_us"])
    pnl = [Decimal(0) for _ in episodes]
    trades = [0 for _ in episodes]
    for trade in report.get("trades", ()):
        place = sum(1 for one in episodes if one["alert_us"] <= trade["entry_us"]) - 1
        if place >= 0:  # the log of a tape with thousands of episodes has dropped its oldest
            pnl[place] += Decimal(trade["pnl_net"])
            trades[place] += 1
    return [_observed(one, trades[n], pnl[n]) for n, one in enumerate(episodes)]


def _observed(episode: dict[str, Any], trades: int, pnl: Decimal) -> _Observation:
    alert_us, active_us = episode["alert_us"], episode["active_us"]
    remaining, of_fall, late = _remaining(episode)
    return _Observation(
        day=datetime.fromtimestamp(alert_us // 1_000_000, UTC).strftime("%Y-%m-%d"),
        reached=active_us is not None,
        open_at_end=episode["sleep_us"] is None and episode["shutdown_us"] is None,
        trades=trades,
        pnl=pnl,
        to_active_s=None if active_us is None else (active_us - alert_us) * _MICRO,
        active_s=sum(((end - start) * _MICRO for start, end in episode["active_spans"] if end is not None), Decimal(0)),
        remaining=remaining,
        remaining_of_fall=of_fall,
        late=late,
    )


def _remaining(episode: dict[str, Any]) -> tuple[Decimal | None, Decimal | None, bool]:
    spans, high, low = episode["spans"], episode["high"], episode["low"]
    if not spans or spans[0]["price"] is None or low is None:
        return None, None, False
    price, low = Decimal(spans[0]["price"]), Decimal(low)
    late = episode["low_us"] is not None and episode["low_us"] < spans[0]["start_us"]
    left = Decimal(0) if late else max(price - low, Decimal(0))
    whole = Decimal(high) - low if high is not None else Decimal(0)
    return left / price, left / whole if whole > 0 else None, late


def _of_episodes(observations: Sequence[_Observation], *, detect: bool) -> dict[str, Any]:
    reached = [seen for seen in observations if seen.reached]
    judged = [seen for seen in reached if seen.remaining is not None]
    document: dict[str, Any] = {
        "n": len(observations),
        "reached_active": len(reached),
        "open_at_end": sum(1 for seen in observations if seen.open_at_end),
        "alert_to_active_s": spread(seen.to_active_s for seen in reached if seen.to_active_s is not None),
        "active_s": spread(seen.active_s for seen in reached),
        "remaining_fall": spread(seen.remaining for seen in judged if seen.remaining is not None),
        "remaining_of_whole_fall": spread(seen.remaining_of_fall for seen in judged if seen.remaining_of_fall is not None),
        "after_the_low": share(sum(1 for seen in judged if seen.late), len(judged)),
    }
    if detect:
        return document
    traded = [seen for seen in observations if seen.trades]
    return document | {
        "with_trades": len(traded),
        "without_trades": sum(1 for seen in reached if not seen.trades),
        "pnl_net": spread(seen.pnl for seen in traded),
        "positive": share(sum(1 for seen in traded if seen.pnl > 0), len(traded)),
    }


def _of_days(observations: Sequence[_Observation], *, detect: bool) -> dict[str, Any]:
    """The same with a day as one observation, over all symbols."""
    reached = {seen.day for seen in observations if seen.reached}
    document: dict[str, Any] = {"with_active": len(reached)}
    if detect:
        return document
    pnl: dict[str, Decimal] = {}
    for seen in observations:
        if seen.trades:
            pnl[seen.day] = pnl.get(seen.day, Decimal(0)) + seen.pnl
    positive = sum(1 for value in pnl.values() if value > 0)
    return document | {"with_trades": len(pnl), "pnl_net": spread(pnl.values()), "positive": share(positive, len(pnl))}
