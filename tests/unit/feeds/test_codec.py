"""Binance's raw messages: what they become, and what is refused with which reason."""

import itertools
import json
from typing import Any

import pytest

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_core.api import BestQuote, BookDelta, BookSnapshot, Continuity, MarketKind, Side, Trade
from flashcrash_core.config.instruments import InstrumentBook

TRADE = {
    "e": "trade",
    "E": 1700000000010,
    "s": "BTCUSDT",
    "t": 7,
    "p": "100.25",
    "q": "0.5",
    "T": 1700000000000,
    "m": True,
    "M": True,
}
QUOTE = {"u": 12, "s": "BTCUSDT", "b": "100.00000000", "B": "1.00000000", "a": "100.01000000", "A": "2.00000000"}
DEPTH = {
    "e": "depthUpdate",
    "E": 1700000000000,
    "s": "BTCUSDT",
    "U": 10,
    "u": 12,
    "b": [["100.00", "1.5"], ["99.99", "0"]],
    "a": [["100.01", "2"]],
}
SNAPSHOT = {"lastUpdateId": 9, "bids": [["100.00", "1"]], "asks": [["100.01", "1"]]}


def codec(kind: MarketKind = MarketKind.SPOT, **options: Any) -> MarketCodec:
    """A codec for BTCUSDT with a fresh arrival sequence."""
    options.setdefault("snapshot_symbol", "BTCUSDT")
    return MarketCodec({"BTCUSDT": InstrumentBook()("BTCUSDT", kind=kind)}, itertools.count(1).__next__, kind=kind, **options)


def decode(message: object, kind: MarketKind = MarketKind.SPOT, **options: Any) -> Any:
    """One message through a fresh codec, received at 5."""
    return codec(kind, **options).decode(json.dumps(message).encode(), 5)


def refusal(message: object, kind: MarketKind = MarketKind.SPOT, **options: Any) -> BadMessage:
    """The refusal of one message."""
    with pytest.raises(BadMessage) as caught:
        decode(message, kind, **options)
    return caught.value


def test_trade_uses_trade_time_and_the_takers_side() -> None:
    """A trade acts at T, and m=true (the buyer was maker) means that the seller aggressed."""
    assert decode(TRADE) == Trade("BTCUSDT", 1, 1700000000000000, 5, 7, 10025, 50000, Side.SELL)
    assert decode(TRADE | {"m": False}).aggressor is Side.BUY


def test_microsecond_times_are_kept() -> None:
    """A time of 1e14 or more is microseconds already."""
    assert decode(TRADE | {"T": 1700000000000123}).exchange_us == 1700000000000123


def test_combined_form_is_the_bare_one_in_a_wrapper() -> None:
    """The combined stream form gives the same event as the bare one."""
    for message in (TRADE, QUOTE, DEPTH):
        assert decode({"stream": "btcusdt@x", "data": message}) == decode(message)


def test_spot_quote_has_no_exchange_time() -> None:
    """A spot bookTicker carries no time, a futures one acts at E."""
    assert decode(QUOTE) == BestQuote("BTCUSDT", 1, None, 5, 12, 10000, 100000, 10001, 200000)
    futures = {"e": "bookTicker", "E": 1700000000001, "T": 1700000000000} | QUOTE | {"b": "100.0", "a": "100.1"}
    assert decode(futures, MarketKind.USDM).exchange_us == 1700000000001000


def test_depth_of_spot_and_futures_chain_differently() -> None:
    """Spot diffs chain by U and u, futures diffs carry pu."""
    spot = decode(DEPTH)
    assert spot == BookDelta("BTCUSDT", 1, 1700000000000000, 5, 10, 12, [(10000, 150000), (9999, 0)], [(10001, 200000)])
    prices = {"b": [["100.0", "1.5"]], "a": []}
    futures = decode(DEPTH | prices | {"pu": 8, "T": 1700000000000}, MarketKind.USDM)
    assert (futures.prev_id, futures.continuity, futures.bids) == (8, Continuity.FUTURES, [(1000, 1500)])


def test_snapshot_belongs_to_the_only_symbol() -> None:
    """A REST snapshot names no symbol: it is the capture's only one's, or refused."""
    assert decode(SNAPSHOT) == BookSnapshot("BTCUSDT", 1, None, 5, 9, [(10000, 100000)], [(10001, 100000)])
    assert refusal(SNAPSHOT, snapshot_symbol=None).reason == "snapshot_without_symbol"
    assert refusal({"stream": "btcusdt@depth20", "data": SNAPSHOT}).reason == "partial_depth"


def test_aggregate_trade_takes_its_own_id() -> None:
    """An aggTrade is a trade with its aggregate id; it can be left out where single trades are recorded too."""
    aggregate = {key: value for key, value in TRADE.items() if key != "t"} | {"e": "aggTrade", "a": 70, "f": 5, "l": 7}
    assert decode(aggregate).trade_id == 70
    assert decode(aggregate, use_aggregates=False) is None


def test_old_trades_with_order_ids_are_read() -> None:
    """Trades recorded when b and a still were order ids decode like today's."""
    assert decode(TRADE | {"b": 88, "a": 50}) == decode(TRADE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"p": "NaN"}, "nan"),
        ({"p": "Infinity"}, "inf"),
        ({"p": "-1"}, "negative"),
        ({"p": "0.00"}, "zero"),
        ({"p": "100.001"}, "off_tick"),
        ({"p": "1e400"}, "too_large"),
        ({"p": "1_00"}, "not_a_number"),
        ({"p": "abc"}, "not_a_number"),
        ({"p": ""}, "not_a_number"),
        ({"p": 100.25}, "bad_type"),
        ({"q": "0"}, "zero"),
        ({"q": "NaN"}, "nan"),
        ({"q": "0.000001"}, "off_lot"),
        ({"q": 1}, "bad_type"),
        ({"T": "soon"}, "bad_type"),
        ({"T": 0}, "bad_time"),
        ({"T": None}, "missing_field"),
        ({"t": None}, "missing_field"),
        ({"m": None}, "missing_field"),
        ({"s": None}, "missing_field"),
        ({"s": "ETHUSDT"}, "wrong_symbol"),
        ({"e": "kline"}, "unknown_event"),
        ({"e": None}, "unknown_event"),
    ],
)
def test_bad_trades_are_refused_by_reason(change: dict[str, Any], reason: str) -> None:
    """Each fault of a trade has its own reason, and none of them says that the book broke."""
    fault = refusal(TRADE | change)
    assert (fault.reason, fault.breaks_book) == (reason, False)


@pytest.mark.parametrize("change", [{"b": 100.0}, {"b": 100}, {"a": None}, {"A": None}, {"u": None}, {"B": "-1"}, {"a": "0"}])
def test_bad_quotes_are_refused(change: dict[str, Any]) -> None:
    """A quote with a JSON number, a missing field, a negative quantity or a zero price is refused."""
    assert refusal(QUOTE | change).reason in {"bad_type", "missing_field", "negative", "zero"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b": [["100.00", "1"], ["NaN", "1"]]}, "nan"),
        ({"a": [["100.001", "1"]]}, "off_tick"),
        ({"a": [["100.01", "-1"]]}, "negative"),
        ({"a": [["100.01", 1]]}, "bad_type"),
        ({"a": [["100.01"]]}, "bad_type"),
        ({"a": None}, "missing_field"),
        ({"u": None}, "missing_field"),
        ({"E": -1}, "bad_time"),
        ({"U": 13}, "bad_ids"),
        ({"pu": 9}, "wrong_market"),
    ],
)
def test_one_bad_level_costs_the_whole_message_and_the_book(change: dict[str, Any], reason: str) -> None:
    """A depth message that cannot be used says that the book is wrong from here on, and whose."""
    fault = refusal(DEPTH | change)
    assert (fault.reason, fault.breaks_book, fault.symbol) == (reason, True, "BTCUSDT")


def test_cut_line_still_tells_that_the_book_broke() -> None:
    """A depth line cut in the middle is no JSON, but the loss of a book update is known."""
    whole = json.dumps(DEPTH).encode()
    with pytest.raises(BadMessage) as caught:
        codec().decode(whole[:-20], 5)
    assert (caught.value.reason, caught.value.breaks_book, caught.value.symbol) == ("not_json", True, "BTCUSDT")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b'{"result":null,"id":1}'])
def test_anything_else_is_refused_without_a_crash(payload: bytes) -> None:
    """Garbage and control replies raise BadMessage and nothing else."""
    with pytest.raises(BadMessage):
        codec().decode(payload, 5)


def test_futures_prints_off_the_market_are_refused() -> None:
    """A futures trade whose X is not MARKET made no price."""
    trade = {key: value for key, value in TRADE.items() if key != "M"} | {"p": "100.2"}
    assert refusal(trade | {"X": "INSURANCE_FUND"}, MarketKind.USDM).reason == "non_market_trade"
    assert decode(trade | {"X": "MARKET"}, MarketKind.USDM).price_ticks == 1002


def test_levels_of_an_older_lot_are_rounded_down_and_counted() -> None:
    """A resting quantity finer than today's lot keeps its level, rounded down to one lot at least, and is counted."""
    instrument = InstrumentBook()("BTCUSDT")
    one = MarketCodec({"BTCUSDT": instrument}, itertools.count(1).__next__)
    delta = one.decode(json.dumps(DEPTH | {"b": [["100.00", "25.426189"], ["99.99", "0.000001"]], "a": []}).encode(), 5)
    assert isinstance(delta, BookDelta)
    assert (delta.bids, instrument.rounded_quantities) == ([(10000, 2542618), (9999, 1)], 2)


def test_ignored_symbols_are_left_out_silently() -> None:
    """A symbol that the user did not ask for gives no event and no refusal."""
    assert decode(QUOTE | {"s": "ETHUSDT"}, ignored_symbols=frozenset({"ETHUSDT"})) is None
