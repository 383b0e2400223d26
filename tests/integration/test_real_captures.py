"""The recorded files of FLASHCRASH_DATA, read through the feeds and the kernel's book: the counts that their README verifies."""

import itertools
from collections import Counter

import pytest
from recorded_data import ATOM, POL, SPOT, USDM, recorded

from flashcrash_core.api import (
    BookDelta,
    Feed,
    FeedGap,
    FeedRequest,
    FeedSource,
    MarketEvent,
    MarketKind,
    Rejected,
    Trade,
    read_head,
)
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_feeds import bulk, replay, tardis


def open_all(feed: Feed, *names: str) -> list[FeedSource]:
    """Sources with one arrival sequence and one set of instruments."""
    book, next_seq = InstrumentBook(), itertools.count(1).__next__
    return [feed.open(FeedRequest(book, next_seq, recorded(name))) for name in names]


def fold(sources: list[FeedSource]) -> tuple[FeatureAccumulator, Counter[str], list[MarketEvent], int]:
    """The sources one after the other through one accumulator: it, the events by type, the unusual ones and the rows."""
    info = sources[0].info
    features = FeatureAccumulator(info.instruments[0], has_book=info.has_book, source_is_mid=info.has_book)
    kinds: Counter[str] = Counter()
    unusual: list[MarketEvent] = []
    rows = 0
    for source in sources:
        for event in source.events():
            kinds[type(event).__name__] += 1
            if isinstance(event, FeedGap | Rejected):
                unusual.append(event)
            act_us = features.admit(event)
            if act_us < 0:
                features.apply_late(event)
                continue
            while features.next_row_us and act_us >= features.next_row_us:
                features.close_row()
                rows += 1
            features.apply(event, act_us)
        source.close()
    return features, kinds, unusual, rows


def test_spot_capture_rebuilds_the_book() -> None:
    """Both spot files chain without a gap; the book never crosses and shows the last ticker in 6,485 of 6,492 checks."""
    features, kinds, unusual, rows = fold(open_all(replay.ReplayFeed(), *SPOT))
    assert kinds == {"BookSnapshot": 1, "BookDelta": 6495, "BestQuote": 73174, "Trade": 19904}
    assert unusual == []
    assert features.book_synced
    assert features.sync.counts["gaps"] == 0
    assert features.counts["book_crossed"] == 0
    assert features.counts["quote_checks"] == 6492
    assert features.counts["quote_checks"] - features.counts["quote_mismatches"] >= 6480
    assert features.counts["late"] == 0
    assert rows == 6506


def test_usdm_capture_chains_by_its_own_rule() -> None:
    """The futures file is recognised as such and its diffs chain by pu without a gap."""
    sources = open_all(replay.ReplayFeed(), USDM)
    assert sources[0].info.instruments[0].kind is MarketKind.USDM
    features, kinds, unusual, _ = fold(sources)
    assert kinds == {"BookSnapshot": 1, "BookDelta": 6551, "BestQuote": 66089, "Trade": 21313}
    assert unusual == []
    assert features.book_synced
    assert features.sync.counts["gaps"] == 0
    assert features.counts["book_crossed"] == 0


def test_second_spot_file_alone_never_has_a_usable_book() -> None:
    """Without a snapshot the book stays unusable, and no row shows a price of it."""
    (source,) = open_all(replay.ReplayFeed(), SPOT[1])
    features, kinds, _, _ = fold([source])
    assert kinds["BookSnapshot"] == 0
    assert not features.book_synced
    assert features.close_row().book_usable == 0


def test_diffs_of_the_spot_files_join() -> None:
    """The first diff of the second file continues the last one of the first."""
    first, second = open_all(replay.ReplayFeed(), *SPOT)
    last_id = [event.last_id for event in first.events() if isinstance(event, BookDelta)][-1]
    diffs = (event for event in second.events() if isinstance(event, BookDelta))
    assert next(diffs).first_id == last_id + 1
    second.close()


def test_pol_day_has_every_trade() -> None:
    """The day of the cascade: 300,351 trades, no missing id, prices from 0.1152 to 0.2402."""
    (source,) = open_all(tardis.TARDIS, POL)
    trades = list(source.events())
    assert len(trades) == 300_351
    ticks = [event.price_ticks for event in trades if isinstance(event, Trade)]
    assert (len(ticks), min(ticks), max(ticks)) == (300_351, 1152, 2402)


def test_atom_sweep_is_one_instant() -> None:
    """71 aggregate trades from 1.688 to 0.001, all in the same microsecond, no missing id."""
    (source,) = open_all(bulk.BULK, ATOM)
    trades = list(source.events())
    assert [type(event) for event in trades] == [Trade] * 71
    ticks = [event.price_ticks for event in trades if isinstance(event, Trade)]
    assert (max(ticks), min(ticks)) == (1688, 1)
    assert {event.exchange_us for event in trades} == {1_760_131_237_689_043}
    assert source.info.symbols == ("ATOMUSDT",)


@pytest.mark.parametrize(("name", "feed"), [(SPOT[0], "replay"), (USDM, "replay"), (POL, "tardis"), (ATOM, "bulk")])
def test_each_file_is_opened_by_exactly_one_feed(name: str, feed: str) -> None:
    """Formats are told apart by content."""
    path = recorded(name)
    head = read_head(path)
    offers = {"replay": replay.opens, "tardis": tardis.opens, "bulk": bulk.opens}
    assert [one for one, opens in offers.items() if opens(path, head)] == [feed]
