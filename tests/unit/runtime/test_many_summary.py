"""The summary of many reports: events and days as observations, exact sums, the worst grade, and nothing hidden."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from flashcrash_core.market.feed import DataTier
from flashcrash_core.runtime.launch import to_json
from flashcrash_core.runtime.many_plan import TapeJob
from flashcrash_core.runtime.many_summary import TapeResult, summarised

DAY_US = 86_400_000_000
T0_US = 1_760_054_400_000_000
"""2025-10-10."""


def job(symbol: str = "AUSDT", day: int = 10, tier: DataTier = DataTier.L2, quote: str = "USDT") -> TapeJob:
    """A tape of one day of October 2025."""
    name = f"2025-10-{day}"
    return TapeJob(Path("tapes") / symbol / name, symbol, symbol, name, f"hash {symbol} {name}", tier, True, quote, 1000)


def episode(alert_s: float, *, active_s: float | None = None, day: int = 10, **changes: Any) -> dict[str, Any]:
    """An episode ``alert_s`` after midnight that lasts 100 s, ACTIVE for 10 s at 95 with a low of 90 after a high of 100."""
    start_us = T0_US + (day - 10) * DAY_US
    alert_us = start_us + int(alert_s * 1e6)
    active_us = None if active_s is None else start_us + int(active_s * 1e6)
    spans = []
    if active_us is not None:
        spans = [{"start_us": active_us, "end_us": active_us + 10_000_000, "price": 95, "low": 90, "low_us": active_us + 5_000_000}]
    return {
        "alert_us": alert_us,
        "active_us": active_us,
        "active_spans": [[span["start_us"], span["end_us"]] for span in spans],
        "spans": spans,
        "high": 100,
        "low": 90,
        "low_us": alert_us + 6_000_000,
        "sleep_us": alert_us + 100_000_000,
        "shutdown_us": None,
    } | changes


def trade(entry_s: float, pnl: str, day: int = 10) -> dict[str, Any]:
    return {"entry_us": T0_US + (day - 10) * DAY_US + int(entry_s * 1e6), "pnl_net": Decimal(pnl)}


def report(episodes: list[dict[str, Any]], trades: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {
        "status": "done",
        "halted": None,
        "events": 1000,
        "state_seconds": {"SLEEP": Decimal("80000.1"), "ACTIVE": Decimal("0.2")},
        "episodes": episodes,
        "trades": trades,
        "fees": Decimal("0.1"),
        "pnl_net": sum((one["pnl_net"] for one in trades), Decimal(0)),
        "open_positions": 0,
        "decision_hash": "ab",
        "fill_model": "M2",
        "warnings": ["thin"],
    } | changes


def result(of: TapeJob, made: dict[str, Any] | None = None, error: str = "") -> TapeResult:
    return TapeResult(of.path, of, made, error)


def test_trades_of_one_crash_are_one_observation() -> None:
    """Five trades in one episode and one in another are two observations; an episode without trades is none of money."""
    episodes = [episode(100, active_s=101), episode(1000, active_s=1002), episode(5000, active_s=5003), episode(9000)]
    trades = [trade(101 + n, "-1") for n in range(5)] + [trade(1003, "3.5")]
    summary = summarised([result(job(), report(episodes, trades))])
    events = summary["episodes"]
    assert (events["n"], events["reached_active"], events["with_trades"], events["without_trades"]) == (4, 3, 2, 1)
    assert events["pnl_net"] == {"n": 2, "mean": Decimal("-0.75"), "median": Decimal("-0.75"), "least": -5, "most": Decimal("3.5")}
    assert (events["positive"]["of"], events["positive"]["n"]) == (1, 2)
    assert events["trades_outside"] == 0
    assert (summary["totals"]["trades"], summary["totals"]["wins"]) == (6, 1)
    assert events["alert_to_active_s"] == {"n": 3, "mean": 2, "median": 2, "least": 1, "most": 3}
    assert events["active_s"]["mean"] == 10


def test_a_day_is_one_observation_over_all_symbols() -> None:
    """Episodes of two symbols on one UTC day count once beside the events; the day is that of the alert."""
    results = [
        result(job("AUSDT"), report([episode(100, active_s=101)], [trade(102, "5")])),
        result(job("BUSDT"), report([episode(90, active_s=95)], [trade(96, "-2")])),
        result(job("AUSDT", 11), report([episode(10, active_s=11, day=11)], [trade(12, "-4", 11)])),
        result(job("BUSDT", 12), report([episode(10, day=12)], [])),
    ]
    summary = summarised(results)
    assert summary["episodes"]["pnl_net"]["n"] == 3
    assert (summary["event_days"]["with_active"], summary["event_days"]["with_trades"]) == (2, 2)
    days = summary["event_days"]["pnl_net"]
    assert (days["n"], days["mean"], days["least"], days["most"]) == (2, Decimal("-0.5"), -4, 3)
    assert (summary["totals"]["days"], summary["totals"]["first_day"], summary["totals"]["last_day"]) == (
        3,
        "2025-10-10",
        "2025-10-12",
    )


def test_the_fall_that_remained() -> None:
    """From 95 at ACTIVE to 90 of a fall from 100 are 5/95 of the price and half of the fall; after the low nothing remained."""
    ahead, late = episode(100, active_s=101), episode(1000, active_s=1050)
    only_alert, no_price = episode(2000), episode(3000, active_s=3001)
    no_price["spans"][0]["price"] = None
    events = summarised([result(job(), report([ahead, late, only_alert, no_price], []))])["episodes"]
    assert events["remaining_fall"]["n"] == 2
    assert events["remaining_fall"]["most"] == Decimal("0.05263158")
    assert events["remaining_fall"]["least"] == 0
    assert events["remaining_of_whole_fall"]["most"] == Decimal("0.5")
    assert (events["after_the_low"]["of"], events["after_the_low"]["n"]) == (1, 2)


def test_sums_are_exact_and_without_order() -> None:
    """Ten times 0.1 is 1, and any order of results gives the same bytes."""
    results = [result(job("AUSDT", 10 + n), report([], [trade(5, "0.1")])) for n in range(10)]
    expected = to_json(summarised(results))
    assert summarised(results)["totals"]["pnl_net"] == 1
    assert summarised(results)["totals"]["state_seconds"] == {"SLEEP": Decimal("800001.0"), "ACTIVE": Decimal("2.0")}
    shuffled = random.Random(7)
    for _ in range(5):
        shuffled.shuffle(results)
        assert to_json(summarised(results)) == expected


def test_the_grade_is_the_worst() -> None:
    """One tape of trades among books grades the summary trades, one of the simulator synthetic."""
    book, trades, made = job("AUSDT"), job("BUSDT", tier=DataTier.TRADES), job("CUSDT", tier=DataTier.SYNTHETIC)

    def tier(*jobs: TapeJob) -> str:
        return str(summarised([result(one, report([], [])) for one in jobs])["data_tier"])

    assert (tier(book), tier(book, trades), tier(trades, made, book)) == ("L2", "trades", "synthetic")


def test_what_failed_is_a_row_and_in_no_sum() -> None:
    """A failed tape, one that cannot be opened and one not yet run are named, with status and error, and add nothing."""
    done = result(job("AUSDT"), report([], [trade(5, "2")]))
    failed = result(job("BUSDT"), error="its process was ended by SIGKILL")
    broken = TapeResult(Path("tapes/x"), None, None, "tape.json is damaged")
    summary = summarised([failed, broken, done])
    assert summary["status"] == "failed"
    assert [(row["symbol"], row["status"], row["error"]) for row in summary["tapes"]] == [
        ("AUSDT", "done", None),
        ("BUSDT", "failed", "its process was ended by SIGKILL"),
        (None, "failed", "tape.json is damaged"),
    ]
    assert (summary["totals"]["tapes"], summary["totals"]["done"], summary["totals"]["failed"]) == (3, 1, 2)
    assert (summary["totals"]["symbols"], summary["totals"]["pnl_net"]) == (["AUSDT"], 2)
    assert summarised([done, result(job("CUSDT"))])["status"] == "interrupted"
    halted = result(job("DUSDT"), report([], [], status="halted", halted="daily loss"))
    assert summarised([done, halted])["status"] == "halted"
    assert summarised([done, halted])["tapes"][1]["error"] == "halted by risk: daily loss"


def test_money_of_several_assets_is_told() -> None:
    """Adding dollars and bitcoins is said; notes of tapes are counted by their text."""
    results = [result(job("AUSDT"), report([], [])), result(job("ABTC", quote="BTC"), report([], []))]
    summary = summarised(results, notes=["first"])
    assert summary["warnings"][0] == "first"
    assert "money of BTC and USDT is added" in summary["warnings"][1]
    assert summary["tape_warnings"] == [{"tapes": 2, "text": "thin"}]
    assert summarised(results[:1])["warnings"] == []


def test_detection_alone_says_nothing_of_money() -> None:
    """A summary of detect has episodes and no key of trades or money."""
    bare = {
        key: value for key, value in report([episode(100, active_s=101)], []).items() if key not in ("trades", "fees", "pnl_net")
    }
    summary = summarised([result(job(), bare)], detect=True)
    assert (summary["mode"], summary["episodes"]["reached_active"]) == ("detect", 1)
    for part in (summary["totals"], summary["episodes"], summary["event_days"], summary["tapes"][0]):
        assert not {"trades", "pnl_net", "fees", "with_trades"} & part.keys()


def test_an_episode_that_the_log_dropped() -> None:
    """A trade before the first episode that is still listed is counted as outside, not given to another event."""
    summary = summarised([result(job(), report([episode(5000, active_s=5001)], [trade(100, "9"), trade(5002, "1")]))])
    assert summary["episodes"]["trades_outside"] == 1
    assert summary["episodes"]["pnl_net"]["most"] == 1
