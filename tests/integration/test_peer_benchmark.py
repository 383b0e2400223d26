"""The benchmark against other engines: its synthetic day is sound, all engines are given the same data, and its tables add up.

No peer is installed here: what hftbacktest would read is replayed by a dictionary of levels.
"""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.book_sync import BookSync
from flashcrash_core.market.events import BookDelta, BookSnapshot, Trade
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import events_of
from flashcrash_core.market.tape.reader import open_tape

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
INSTRUMENT = Instrument("SYNUSDT", "0.01", "0.001")
SMALL = {"trades": 12_000, "books": 12_000, "span_s": 600.0, "awake": 0.1}


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the suite, whose scripts find each other by their folder."""
    monkeypatch.syspath_prepend(str(PEERS))
    return import_module


def test_each_script_keeps_what_others_wrote_into_the_results(peers: Any) -> None:
    """A section is replaced where it stands, a new one goes to the end, and writing twice changes nothing."""
    replaced = peers("kept_section").replaced_section
    page = "# One\n\nold\n\n## Of one\n\n# Two\n\nkept\n"
    once = replaced(page, "# One", "# One\n\nnew\n")
    assert once == "# One\n\nnew\n\n# Two\n\nkept\n"
    more = replaced(once, "# Three", "# Three\n")
    assert more == once + "\n# Three\n" == replaced(more, "# Three", "# Three\n")


@pytest.fixture
def day(peers: Any) -> Any:
    """A small day with two waves in it."""
    synthetic = peers("synthetic_day")
    return synthetic.make_day(synthetic.DayPlan(**SMALL, seed=3))


def test_the_day_replays_without_a_gap_and_is_never_crossed(peers: Any, day: Any) -> None:
    """Through the product's own book: one snapshot, chained ids, 1 to 20 levels a side, and never a bid at or above an ask."""
    sync, number = BookSync(), 0
    for event in events_of(peers("day_files").tape_columns(day)):
        if isinstance(event, BookSnapshot):
            assert sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            assert event.first_id == sync.update_id + 1
            assert sync.on_delta(event), f"message {number} does not continue the book"
            assert event.bids or event.asks
            number += 1
        elif isinstance(event, Trade):
            continue
        assert not sync.book.crossed(), f"crossed after message {number}"
        assert len(sync.book.asks) == 20
        assert 2 <= len(sync.book.bids) <= 20
    assert number == SMALL["books"]
    assert sync.counts["gaps"] == sync.counts["resyncs"] == sync.counts["old_deltas"] == 0


def test_the_rows_of_the_day_are_healthy_and_hold_a_crash(peers: Any, day: Any) -> None:
    """No late event, no fault in any row; inside a wave the mid falls by more than 2 %, sellers take and the bids vanish."""
    market = FeatureAccumulator(INSTRUMENT, has_book=True, source_is_mid=True)
    rows = []
    for event in events_of(peers("day_files").tape_columns(day)):
        assert event.exchange_us is not None
        assert event.receive_us > event.exchange_us
        act_us = market.admit(event)
        assert act_us == event.exchange_us
        while 0 < market.next_row_us <= act_us:
            rows.append(market.close_row())
        market.apply(event, act_us)
    assert not any(row.unhealthy for row in rows)
    assert market.counts["late"] == 0
    assert market.counts["book_crossed"] == 0
    assert len(day.waves) == 2
    start_s, length_s = day.waves[0]
    before = [row for row in rows if row.t_us < day.start_us + start_s * 1e6]
    falling = [row for row in rows if start_s + 0.1 * length_s < (row.t_us - day.start_us) / 1e6 < start_s + 0.4 * length_s]
    assert min(row.price for row in falling) < 0.98 * before[-1].price
    assert sum(row.sell_notional for row in falling) > 3 * sum(row.buy_notional for row in falling)
    assert np.median([row.top_bid_qty for row in falling]) < 0.1 * np.median([row.top_bid_qty for row in before])
    assert np.median([row.spread_end for row in falling]) > 4 * np.median([row.spread_end for row in before])


def test_the_same_plan_gives_the_same_day(peers: Any, day: Any) -> None:
    """Every array is a function of plan, seed and day; another seed gives another day."""
    synthetic = peers("synthetic_day")
    again, other = (synthetic.make_day(synthetic.DayPlan(**SMALL, seed=seed)) for seed in (3, 4))
    names = [one.name for one in day.__attrs_attrs__ if one.name not in ("plan", "snapshot_id")]
    assert len(names) >= 10
    for name in names:
        assert np.array_equal(getattr(day, name), getattr(again, name)), name
    assert not np.array_equal(day.level_lots[:100], other.level_lots[:100])


def test_days_join(peers: Any) -> None:
    """The next day begins at the price at which the last one ended, a day later, with ids further on."""
    synthetic = peers("synthetic_day")
    first, second = (synthetic.make_day(synthetic.DayPlan(**SMALL | {"awake": 0.0}, day=number)) for number in (0, 1))
    assert second.start_us - first.start_us == 86_400_000_000
    assert abs(int(first.trade_ticks[-1]) - int(second.trade_ticks[0])) <= 4
    assert second.snapshot_id > first.last_id[-1]
    assert second.trade_id[0] > first.trade_id[-1]


def test_hftbacktest_is_given_the_same_market(peers: Any, day: Any) -> None:
    """Its event array, replayed by a dictionary, has at every row the mid of the product's rows, and all trades in order."""
    files, rule = peers("day_files"), peers("simple_rule")
    events = files.hft_events(day)
    assert (np.diff(events["exch_ts"]) >= 0).all()
    assert np.array_equal(events["exch_ts"], events["local_ts"])
    is_trade = (events["ev"] & 0xFF) == 2
    assert np.array_equal(np.rint(events["px"][is_trade] * 100), day.trade_ticks)
    assert np.array_equal(np.where(events["ev"][is_trade] & (1 << 29), 1, -1), day.trade_side)

    bids: set[int] = set()
    asks: set[int] = set()
    mids, boundary_ns = [], int(day.start_us) * 1000 + 100_000_000
    for ev, ns, price, quantity in zip(*(events[name].tolist() for name in ("ev", "exch_ts", "px", "qty")), strict=True):
        while ns >= boundary_ns:
            mids.append(max(bids) + min(asks))
            boundary_ns += 100_000_000
        if ev & 0xFF != 2:
            side = bids if ev & (1 << 29) else asks
            (side.add if quantity else side.discard)(round(price * 100))
    ours = _product_mids(peers, day)
    assert mids == ours
    assert rule.outcome_of(mids)["state_changes"] > 2


def _product_mids(peers: Any, day: Any) -> list[int]:
    market = FeatureAccumulator(INSTRUMENT, has_book=True, source_is_mid=True)
    mids = []
    for event in events_of(peers("day_files").tape_columns(day)):
        act_us = market.admit(event)
        while 0 < market.next_row_us <= act_us:
            mids.append(round(market.close_row().price * 200))
        market.apply(event, act_us)
    return mids


def test_the_tape_on_disk_is_the_day(peers: Any, day: Any, tmp_path: Path) -> None:
    """Written and opened again, the columns are the same, and the market is marked synthetic."""
    files = peers("day_files")
    columns, tape = files.tape_columns(day), open_tape(files.write_tape_of(day, tmp_path))
    assert tape.manifest.synthetic_book
    assert str(tape.manifest.data_tier) == "synthetic"
    for table, held in columns.tables.items():
        for name, column in held.items():
            assert np.array_equal(tape.columns.tables[table][name], column), f"{table}.{name}"


def test_the_simple_rule_is_what_it_says(peers: Any) -> None:
    """Against the plain reading of its definition on random walks: the same state changes."""
    rule = peers("simple_rule")
    for seed in range(5):
        mids = (30_000 + np.cumsum(np.random.default_rng(seed).integers(-4, 5, 3_000))).tolist()
        states = [mid <= max(mids[max(0, row - 299) : row + 1]) * (1.0 - rule.FALL) for row, mid in enumerate(mids)]
        changes = sum(now != before for before, now in zip([False, *states], states, strict=False))
        assert rule.outcome_of(mids)["state_changes"] == changes, f"seed {seed}"
        assert changes > 5, f"seed {seed}"
        assert rule.outcome_of([*mids[:-1], mids[-1] + 1])["digest"] != rule.outcome_of(mids)["digest"]


def test_an_engine_that_saw_another_market_is_named(peers: Any) -> None:
    """A different number of rows, of state changes or a different digest is a disagreement, and says both numbers."""
    run = peers("run")
    ours = {"rows": 10, "state_changes": 4, "digest": 7}
    assert run.disagreements({"hft": ours, "nautilus": ours}, {"hft": dict(ours), "nautilus": dict(ours)}) == []
    for what in ours:
        (problem,) = run.disagreements({"hft": ours}, {"hft": ours | {what: 99}})
        assert problem.startswith("hft: ")
        assert what in problem
        assert "99" in problem


def test_the_table_takes_the_best_round_and_divides_rates(peers: Any) -> None:
    """4 M events in 0.5 s beside 4 M in 2 s is 4x; load time counts where it is part of the work; memory is the largest seen."""
    table = peers("peer_table")
    hft = [{"seconds": 2.5, "load_s": 1.0, "peak_mb": 700.0}, {"seconds": 2.0, "load_s": 1.5, "peak_mb": 800.0}]
    cold = [{"seconds": 0.5, "load_s": 0.0, "peak_mb": 400.0}]
    events = 4_000_000
    rows = [
        table.best("cold", cold, events),
        table.best("hft", hft, events),
        table.best("hft_file", hft, events, with_load=True),
    ]
    assert [row.seconds for row in rows] == [0.5, 2.0, 3.5]
    main = table.main_table(rows)
    assert main[1][4] == "4.00x"
    assert main[2][4] == "1.00x"
    assert main[2][6] == "1.00"
    assert main[2][7] == "800"
    ratios = {row[0]: row[1:] for row in table.ratio_table(rows)}
    assert ratios["cold from tape / hftbacktest in memory"] == [">= 2x", "4.00x"]
    assert ratios["cold from tape / hftbacktest from its file"] == [">= 2x", "7.00x"]
    assert ratios["peak memory, cold from tape / hftbacktest"] == ["<= 1", "0.50"]
    assert "cold from tape / NautilusTrader" not in ratios
    lines = table.markdown(main).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_the_suite_runs_without_its_peers(tmp_path: Path) -> None:
    """Only the streaming engine, on a small day: exit code 0, one table, and the data named synthetic."""
    plan = ("--trades", "5000", "--books", "5000", "--span", "300", "--awake", "0", "--stream-share", "1")
    command = [sys.executable, str(PEERS / "run.py"), "--work", str(tmp_path / "work"), "--rounds", "1", "--parts", "stream", *plan]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SYNTHETIC" in done.stdout
    assert "| flashcrash, streaming" in done.stdout
    assert "NautilusTrader" not in done.stdout.split("Versions")[1].split("|")[0]
