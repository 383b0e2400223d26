"""Statistics of a session against numbers worked out by hand."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from flashcrash_core.api import AuditRecord, ScoreRecord, TransitionRecord
from flashcrash_core.runtime.session_stats import max_drawdown, percentile, session_stats

Make = Callable[..., Any]
_UNIT = 10**10
_AT: dict[str, Any] = {"seq": 5, "t_us": 5_000, "symbol": "BTCUSDT"}


def test_nothing_has_no_statistics() -> None:
    """A session without records has zeros for counts and money and None for what cannot be taken of nothing."""
    stats = session_stats(equity_start_minor=0)
    assert (stats.trades, stats.pnl_net, stats.fees, stats.max_drawdown) == (0, 0, 0, 0)
    empty = (stats.win_rate, stats.hold_mean_s, stats.hold_median_s, stats.score_mean, stats.score_p95, stats.pnl_best)
    assert empty == (None,) * 6
    assert stats.max_drawdown_fraction is None


def test_trades_by_hand(trade: Make) -> None:
    """Results 100, -150, 0, +20 from 1000: 50 % of four won, peak 1100 falls to 950, holds 1, 2, 3 and 10 s."""
    results = [(100, 1), (-150, 2), (0, 3), (20, 10)]
    trades = [
        trade(
            seq=n,
            pnl_minor=pnl * _UNIT,
            entry_us=n * 10**8,
            exit_us=n * 10**8 + hold * 10**6,
            exit_reason="stop" if pnl < 0 else "target",
        )
        for n, (pnl, hold) in enumerate(results)
    ]
    stats = session_stats(equity_start_minor=1000 * _UNIT, trades=trades[::-1])
    assert (stats.trades, stats.wins, stats.losses, stats.win_rate) == (4, 2, 1, 0.5)
    assert (stats.pnl_net, stats.pnl_best, stats.pnl_worst) == (Decimal(-30), Decimal(100), Decimal(-150))
    assert (stats.equity_start, stats.equity_end) == (Decimal(1000), Decimal(970))
    assert (stats.hold_mean_s, stats.hold_median_s) == (4.0, 2.5)
    assert stats.max_drawdown == Decimal(150)
    assert stats.max_drawdown_fraction == pytest.approx(150 / 1100)
    assert list(stats.exits.items()) == [("target", 3), ("stop", 1)]


def test_money_is_exact(trade: Make, fill: Make) -> None:
    """A tenth of a quote unit added three times is 0.3, to the last digit; fees are those of the fills."""
    stats = session_stats(
        equity_start_minor=10**16 + 1,
        trades=[trade(pnl_minor=_UNIT // 10)] * 3,
        fills=[fill(fee_minor=1), fill(fee_minor=2, maker=False)],
        report={"pnl_net": 0.3, "equity_end": Decimal("1000000.3000000001")},
    )
    assert stats.pnl_realised == Decimal("0.3")
    assert stats.fees == Decimal("3E-10")
    assert stats.equity_end == Decimal("1000000.3000000001")
    assert (stats.fills, stats.maker_fills) == (2, 1)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], (0, 0.0)),
        ([10, 10], (0, 0.0)),
        ([-30, 10, -20], (40, 0.4)),
        ([-50, 150, -60], (60, 0.5)),
    ],
)
def test_drawdown(results: list[int], expected: tuple[int, float]) -> None:
    """From 100: the start counts as a peak; the largest fall and the largest relative fall may be different ones."""
    assert max_drawdown(100, results) == expected


def test_scores_ignore_what_was_not_asked() -> None:
    """Statistics are over asked scores (not NaN): 10, 20, 30, 40 of six considered entries."""
    totals = [(10.0, "score"), (math.nan, "volume"), (40.0, ""), (20.0, "score"), (math.nan, "cooldown"), (30.0, "score")]
    stats = session_stats(
        equity_start_minor=0, scores=[ScoreRecord(**_AT, total=total, refused=refused, detail="") for total, refused in totals]
    )
    assert (stats.considered, stats.entered, stats.scores) == (6, 1, 4)
    assert (stats.score_mean, stats.score_p50) == (25.0, 25.0)
    assert stats.score_p95 == pytest.approx(38.5)
    assert list(stats.refusals.items()) == [("score", 3), ("cooldown", 1), ("volume", 1)]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.95, 4.8), (1.0, 5.0)])
def test_percentile_interpolates(share: float, expected: float) -> None:
    """Quantiles of 1 to 5 fall between the order statistics as numpy's default does."""
    assert percentile([5.0, 1.0, 3.0, 2.0, 4.0], share) == pytest.approx(expected)


def test_counts(intent: Make) -> None:
    """Orders and cancels, changes of state and audit records are counted by kind."""
    step = {"reason": "", "evidence": {}}
    stats = session_stats(
        equity_start_minor=0,
        intents=[intent(), intent(kind="cancel"), intent(kind="cancel")],
        transitions=[TransitionRecord(**_AT, source=a, target=b, **step) for a, b in (("SLEEP", "ALERT"), ("ALERT", "SLEEP")) * 2],
        audit=[AuditRecord(**_AT, kind="halt", message="")],
    )
    assert (stats.orders, stats.cancels, stats.audit) == (1, 2, {"halt": 1})
    assert stats.transitions == {"ALERT->SLEEP": 2, "SLEEP->ALERT": 2}
