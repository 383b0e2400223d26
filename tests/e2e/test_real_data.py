"""The commands of the first issue on the recorded files of FLASHCRASH_DATA. Their facts are those of the files' README."""

import gzip
from datetime import UTC, datetime
from typing import Any

import pytest
from recorded_data import ATOM, POL, SPOT, USDM, recorded


def clock_us(text: str) -> int:
    """A time of day of the cascade in microseconds."""
    return int(datetime.fromisoformat(f"2025-10-10T{text}").replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_calm_spot_market(cli: Any) -> None:
    """Eleven calm minutes of real L2: no episode reaches ACTIVE, no trade, no gap, and the book is the exchange's."""
    tapes = [part for name in SPOT for part in ("--tape", recorded(name))]
    report = cli.ok("run", "--feed", "replay", *tapes, "--json").report
    assert (report["data_tier"], report["symbols"], report["fill_model"]) == ("L2", ["BTCUSDT"], "M2")
    assert [episode for episode in report["episodes"] if episode["active_us"] is not None] == []
    assert report["trades"] == []
    assert (report["fees"], report["pnl_net"]) == (0, 0)
    assert report["events"] == 1 + 6495 + 73174 + 19904
    counts = report["data"]["BTCUSDT"]["counts"]
    assert counts.get("book_gaps", 0) == counts.get("book_crossed", 0) == counts.get("late", 0) == 0
    assert counts["quote_checks"] == 6492
    assert counts["quote_checks"] - counts.get("quote_mismatches", 0) >= 6480
    assert report["data"]["BTCUSDT"]["rejected"] == {}
    assert report["detection"]["BTCUSDT"]["warm"]


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory, cli_in: Any) -> dict[str, Any]:
    """The backtest of the hours of the cascade, 20:20 to 22:00: a tenth of the rows of the whole day, and the same decisions there.

    ``flashcrash backtest`` of the whole file is what docs/results.md is made of.
    """
    folder = tmp_path_factory.mktemp("pol")
    start, end = (str(clock_us(text)).encode() for text in ("20:20:00", "22:00:00"))
    with gzip.open(recorded(POL)) as whole, (folder / "pol.csv").open("wb") as part:
        part.write(next(whole))
        part.writelines(row for row in whole if start <= row.split(b",", 3)[2] < end)
    report: dict[str, Any] = cli_in(folder).ok("backtest", "pol.csv", "--json").report
    return report


def active_us(report: dict[str, Any], start_us: int, end_us: int) -> int:
    """How long the detector was ACTIVE between two times."""
    spans = [span for episode in report["episodes"] for span in episode["active_spans"]]
    return sum(max(0, min(end, end_us) - max(start, start_us)) for start, end in spans)


def test_cascade_is_detected(cascade: dict[str, Any]) -> None:
    """ACTIVE for at least 80 % of the seven minutes in which the price lost 42 %, on real trades alone."""
    assert (cascade["data_tier"], cascade["fill_model"]) == ("trades", "M1")
    start_us, end_us = clock_us("21:13:00"), clock_us("21:20:00")
    assert active_us(cascade, start_us, end_us) >= 0.8 * (end_us - start_us)
    assert 5990 < sum(cascade["state_seconds"].values()) <= 6000


def test_cascade_without_a_book_is_not_traded(cascade: dict[str, Any]) -> None:
    """Strict scores cannot pass 65 without a book: no trade, the report says why, and the research variant stands beside it."""
    assert cascade["trades"] == []
    assert (cascade["pnl_net"], cascade["equity_end"]) == (0, cascade["equity_start"])
    assert any("imbalance, spread, depth are missing" in note for note in cascade["detection"]["POLUSDT"]["notes"])
    research = cascade["research"]
    assert "no strict score passes 65 of 100" in research["note"]
    assert "research only" in research["note"]
    assert research["overrides"] == ["scorer.mode=renormalise", "scorer.liquidity_gate=false"]
    assert research["decision_hash"] != cascade["decision_hash"]
    assert "liquidity" not in research["entries_rejected"]
    assert sum(trade["pnl_net"] for trade in research["trades"]) == research["pnl_net"]


def test_up_wick_is_reported(cascade: dict[str, Any]) -> None:
    """The up-wick of 21:47 collapsing back is no crash; its fall of 22 % in a second is taken for one, and the report shows it."""
    start_us, end_us = clock_us("21:47:00"), clock_us("21:48:00")
    (episode,) = [e for e in cascade["episodes"] if e["alert_us"] < start_us and (e["sleep_us"] or end_us) >= end_us]
    (span,) = [span for span in episode["active_spans"] if span[1] > start_us and span[0] < end_us]
    # It was in RECOVERY when the wick collapsed, and went back to ACTIVE in the second of the fall, for the shortest time there is.
    assert clock_us("21:47:14") <= span[0] < clock_us("21:47:16")
    assert span[1] - span[0] <= 30_000_000
    assert episode["active_us"] < clock_us("21:13:00"), "it is part of the cascade's episode, not one of its own"


def test_sweep_of_one_instant(cli: Any) -> None:
    """The ATOM sweep needs no --symbols, reaches nothing, and the report says that one instant cannot warm anything up."""
    report = cli.ok("detect", recorded(ATOM), "--json").report
    assert report["symbols"] == ["ATOMUSDT"]
    assert (report["episodes"], report["events"]) == ([], 71)
    notes = report["detection"]["ATOMUSDT"]["notes"]
    assert "the data spans 0.0 s, the warm-up needs 320 s: nothing could fire" in notes
    shown = " ".join(cli.ok("detect", recorded(ATOM)).out.split())
    assert "the warm-up needs 320 s: nothing could fire" in shown


def test_futures_capture(cli: Any) -> None:
    """The USD-M capture chains by its own rule without a gap, reaches no ACTIVE, and barely outlasts the warm-up, which is said."""
    report = cli.ok("detect", recorded(USDM), "--json").report
    assert [episode for episode in report["episodes"] if episode["active_us"] is not None] == []
    counts = report["data"]["BTCUSDT"]["counts"]
    assert (counts["deltas"], counts.get("book_gaps", 0), counts.get("book_crossed", 0)) == (6551, 0, 0)
    assert any("outlasts the warm-up by only" in note for note in report["detection"]["BTCUSDT"]["notes"])
