"""exchangeInfo to instruments: exact grids, symbols that cannot be traded, filters that changed."""

import json
from decimal import Decimal
from typing import Any

import pytest

from flashcrash_binance.exchange_info import changes, exchange_info_query, listed_symbols, require_trading
from flashcrash_core.api import MarketKind, UsageError, VenueError

SPOT = MarketKind.SPOT


def entry(symbol: str = "BTCUSDT", *, tick: Any = "0.01000000", lot: Any = "0.00001000", **other: Any) -> dict[str, Any]:
    """One symbol as spot lists it."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": lot},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
    ]
    return {"symbol": symbol, "status": "TRADING", "quoteAsset": "USDT", "filters": filters} | other


def body(*entries: dict[str, Any]) -> bytes:
    """An answer with these symbols."""
    return json.dumps({"timezone": "UTC", "serverTime": 1, "symbols": list(entries)}).encode()


def test_filters_become_the_grid_exactly() -> None:
    """Padding zeros go, values stay: tick, lot, notional and quote asset, also of a tick of more than one."""
    listed = listed_symbols(body(entry(), entry("BIGUSDT", tick="10.00000000", lot="100.00000000")), SPOT, ["BTCUSDT", "BIGUSDT"])
    btc, big = listed["BTCUSDT"].instrument, listed["BIGUSDT"].instrument
    assert (str(btc.tick_size), str(btc.lot_size), btc.min_notional, btc.quote_asset) == ("0.01", "0.00001", Decimal(5), "USDT")
    assert (str(big.tick_size), str(big.lot_size)) == ("10", "100")
    assert not btc.inferred
    assert btc.price_ticks("50000.01") == 5_000_001


def test_usdm_has_its_notional_in_another_filter() -> None:
    """MIN_NOTIONAL.notional is the minimum there, and the market's kind is kept."""
    one = entry()
    one["filters"][2] = {"filterType": "MIN_NOTIONAL", "notional": "100"}
    instrument = listed_symbols(body(one), MarketKind.USDM, ["BTCUSDT"])["BTCUSDT"].instrument
    assert (instrument.min_notional, instrument.kind) == (Decimal(100), MarketKind.USDM)
    assert exchange_info_query(["BTCUSDT"], MarketKind.USDM) == {}
    assert exchange_info_query(["BTCUSDT", "ETHUSDT"], SPOT) == {"symbols": '["BTCUSDT","ETHUSDT"]'}


@pytest.mark.parametrize(
    "answer", [b"<html>log in here</html>", b"[]", b'{"symbols": {"a": 1}}', b'{"code":-1121,"msg":"Invalid symbol."}', b"\xff\xfe"]
)
def test_what_is_no_exchange_info_is_a_venue_error(answer: bytes) -> None:
    """A page or another document says what it starts with and which setting to check."""
    with pytest.raises(VenueError, match=r"feeds\.binance"):
        listed_symbols(answer, SPOT, ["BTCUSDT"])


@pytest.mark.parametrize("tick", [0.01, "NaN", "-0.01", "0.00000000", "a cent", None, "Infinity"])
def test_a_step_that_cannot_be_one_is_refused_with_the_symbol(tick: Any) -> None:
    """Numbers as numbers, NaN, negatives and zero never become a grid."""
    with pytest.raises(VenueError, match="BTCUSDT"):
        listed_symbols(body(entry(tick=tick)), SPOT, ["BTCUSDT"])


def test_symbols_that_are_not_traded_are_refused() -> None:
    """An unknown symbol and a halted one are named, with what to do."""
    listed = listed_symbols(body(entry(), entry("HALTUSDT", status="BREAK")), SPOT, ["BTCUSDT", "HALTUSDT", "NOUSDT"])
    require_trading(listed, ["BTCUSDT"], "spot")
    with pytest.raises(UsageError, match="NOUSDT: spot has no such symbol"):
        require_trading(listed, ["BTCUSDT", "NOUSDT"], "spot")
    with pytest.raises(UsageError, match="HALTUSDT is BREAK"):
        require_trading(listed, ["HALTUSDT"], "spot")


def test_changed_filters_are_told_and_equal_ones_are_not() -> None:
    """Each filter that differs makes one sentence with both values; so do a halt and a delisting."""
    before = listed_symbols(body(entry()), SPOT, ["BTCUSDT"])["BTCUSDT"]
    same = listed_symbols(body(entry(tick="0.01")), SPOT, ["BTCUSDT"])["BTCUSDT"]
    assert changes(before.instrument, same) == []
    other = listed_symbols(body(entry(tick="0.10", lot="0.001", status="HALT")), SPOT, ["BTCUSDT"])["BTCUSDT"]
    told = changes(before.instrument, other)
    assert len(told) == 3
    assert any("tick size is now 0.1, this run keeps 0.01" in one for one in told)
    assert changes(before.instrument, None) == ["BTCUSDT is no longer listed"]
