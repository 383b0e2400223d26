"""Filters: rounding in the safe direction only, every bound on both sides of its edge, and dust that cannot live for ever."""

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from attrs import evolve

from flashcrash_binance.trading.order_filters import FilterReferences, checked, dust, sellable_lots
from flashcrash_binance.trading.symbol_filters import LotRule, PriceBand, SymbolFilters, symbol_filters, with_price_range
from flashcrash_core.api import STOP_TYPES, UNPRICED_TYPES, Instrument, MarketKind, OrderType, Side, SubmitOrder, VenueError

BTC = Instrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))
NOTHING = FilterReferences()
AT_20000 = FilterReferences(average=Decimal(20_000))


def entry(**change: Any) -> dict[str, Any]:
    """A symbol's entry in exchangeInfo, as the venue has it for BTCUSDT."""
    return {
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "ocoAllowed": True,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "116.82000000", "stepSize": "0.00000000"},
            {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "1.2", "bidMultiplierDown": "0.2", "askMultiplierUp": "5",
             "askMultiplierDown": "0.8", "avgPriceMins": 5},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "maxNotional": "9000000.00000000",
             "applyMaxToMarket": False, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        **change,
    }  # fmt: skip


FILTERS = symbol_filters(entry(), BTC)


def order(
    kind: OrderType = OrderType.LIMIT, side: Side = Side.BUY, price: int = 2_000_000, lots: int = 1_000, stop: int = 1_900_000
) -> SubmitOrder:
    return SubmitOrder(
        "fc-1", "BTCUSDT", side, kind, 0 if kind in UNPRICED_TYPES else price, lots, side is Side.SELL, 1, "test", 0, False,
        stop if kind in STOP_TYPES else 0,
    )  # fmt: skip


def fitted(submit: SubmitOrder, filters: SymbolFilters = FILTERS, references: FilterReferences = NOTHING) -> SubmitOrder:
    found = checked(submit, filters, references)
    assert not isinstance(found, str), found
    return found


def refusal(submit: SubmitOrder, filters: SymbolFilters = FILTERS, references: FilterReferences = NOTHING) -> str:
    found = checked(submit, filters, references)
    assert isinstance(found, str)
    assert found.startswith("BTCUSDT fc-1: ")
    return found


def test_filters_are_read_in_ticks_and_lots() -> None:
    """Every filter of the entry in integers of the run's grid; zeros switch a bound off."""
    assert (FILTERS.tick_step, FILTERS.min_price_ticks, FILTERS.max_price_ticks) == (1, 1, 100_000_000)
    assert FILTERS.lots == LotRule(1, 900_000_000, 1)
    assert FILTERS.market_lots == LotRule(1, 11_682_000, 1)
    assert (FILTERS.min_notional_minor, FILTERS.max_notional_minor) == (5 * 10**10, 9_000_000 * 10**10)
    assert (FILTERS.min_notional_for_market, FILTERS.max_notional_for_market) == (True, False)
    assert (FILTERS.max_orders, FILTERS.max_algo_orders, FILTERS.max_position_lots) == (200, 5, 0)
    assert FILTERS.percent_price == PriceBand(Decimal("1.2"), Decimal("0.2"), Decimal(5), Decimal("0.8"))
    assert (FILTERS.base_asset, FILTERS.quote_asset, FILTERS.oco_allowed, FILTERS.price_range) == ("BTC", "USDT", True, None)


@pytest.mark.parametrize("kind", list(OrderType))
@pytest.mark.parametrize("side", list(Side))
def test_an_order_that_fits_is_left_as_it_is(kind: OrderType, side: Side) -> None:
    """Nothing is changed that need not be."""
    submit = order(kind, side)
    assert fitted(submit, FILTERS, AT_20000) is submit


@pytest.mark.parametrize("status", ["HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY"])
def test_a_symbol_that_does_not_trade_takes_no_orders(status: str) -> None:
    """The status is told."""
    assert status in refusal(order(), symbol_filters(entry(status=status), BTC))


def test_a_type_that_the_symbol_does_not_take() -> None:
    """Named, with those that it takes."""
    only = symbol_filters(entry(orderTypes=["LIMIT", "MARKET"]), BTC)
    assert "no STOP_LOSS orders; use one of LIMIT, MARKET" in refusal(order(OrderType.STOP_LOSS), only)
    assert fitted(order(OrderType.LIMIT_IOC), only)


@pytest.mark.parametrize(("side", "expected"), [(Side.BUY, 2_000_000), (Side.SELL, 2_000_010)])
def test_a_coarser_tick_rounds_in_the_safe_direction(side: Side, expected: int) -> None:
    """After the venue made its tick ten times larger a buy is priced down and a sell up; stops too."""
    coarse = evolve(FILTERS, tick_step=10)
    assert fitted(order(OrderType.LIMIT_MAKER, side, price=2_000_007), coarse).price_ticks == expected
    assert fitted(order(OrderType.STOP_LOSS, side, stop=2_000_007), coarse).stop_ticks == expected
    assert fitted(order(OrderType.LIMIT_MAKER, side, price=2_000_000), coarse).price_ticks == 2_000_000


@pytest.mark.parametrize(
    ("tick", "step"), [("0.10", 10), ("0.05", 5), ("0.025", 5), ("0.01", 1), ("0.005", 1), ("0.001", 1), ("0.015", 3)]
)
def test_the_venues_tick_in_ours(tick: str, step: int) -> None:
    """Which of our ticks stand on the venue's grid: also where neither is a multiple of the other."""
    filters = entry()["filters"]
    filters[0] |= {"tickSize": tick}
    assert symbol_filters(entry(filters=filters), BTC).tick_step == step


def test_quantities_are_rounded_down_and_cut() -> None:
    """To the step and to the largest quantity, never up; market orders to their own bound as well."""
    stepped = evolve(FILTERS, lots=LotRule(10, 5_000, 10), market_lots=LotRule(1, 3_001, 4))
    assert fitted(order(lots=1_009), stepped).qty_lots == 1_000
    assert fitted(order(lots=9_999), stepped).qty_lots == 5_000
    assert fitted(order(OrderType.MARKET, lots=9_999), stepped).qty_lots == 3_000
    assert fitted(order(OrderType.MARKET, lots=1_019), stepped).qty_lots == 1_000
    assert "LOT_SIZE: 0.00009 is below the least of 0.00010" in refusal(order(lots=9), stepped)


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (Side.BUY, 100_000_001, 100_000_000),
        (Side.BUY, 99, "PRICE_FILTER"),
        (Side.SELL, 99, 100),
        (Side.SELL, 100_000_001, "PRICE_FILTER"),
        (Side.SELL, 100_000_000, 100_000_000),
        (Side.BUY, 100, 100),
    ],
)
def test_prices_are_moved_into_bounds_only_when_that_is_safe(side: Side, price: int, expected: int | str) -> None:
    """A buy may come down and a sell may go up; the other way round is refused."""
    bounded = evolve(FILTERS, min_price_ticks=100, max_notional_minor=0, min_notional_minor=0)
    found = checked(order(side=side, price=price), bounded, NOTHING)
    if isinstance(expected, str):
        assert isinstance(found, str)
        assert expected in found
    else:
        assert not isinstance(found, str)
        assert found.price_ticks == expected


@pytest.mark.parametrize("stop", [100, 100_000_000])
def test_a_stop_at_the_edge_of_the_prices_is_taken(stop: int) -> None:
    """Both bounds are allowed."""
    assert fitted(order(OrderType.STOP_LOSS, Side.SELL, stop=stop), evolve(FILTERS, min_price_ticks=100)).stop_ticks == stop


def test_market_orders_have_a_least_quantity_of_their_own() -> None:
    """The larger of the two bounds counts, also after the largest value has cut the quantity; other types know one of them only."""
    bounded = evolve(FILTERS, lots=LotRule(10), market_lots=LotRule(500), min_notional_minor=0)
    assert "LOT_SIZE" in refusal(order(OrderType.MARKET, lots=499), bounded)
    assert fitted(order(OrderType.MARKET, lots=500), bounded).qty_lots == 500
    assert fitted(order(OrderType.LIMIT_IOC, lots=499), bounded).qty_lots == 499
    cut = evolve(bounded, max_notional_minor=BTC.notional(2_000_000, 499), max_notional_for_market=True)
    assert "NOTIONAL" in refusal(order(OrderType.MARKET, lots=600), cut, AT_20000)
    assert fitted(order(OrderType.LIMIT_IOC, lots=600), cut, AT_20000).qty_lots == 499


@pytest.mark.parametrize("stop", [99, 100_000_001])
def test_a_stop_outside_the_prices_is_refused(stop: int) -> None:
    """A stop is not moved: where it triggers was decided."""
    assert "the stop of" in refusal(order(OrderType.STOP_LOSS, Side.SELL, stop=stop), evolve(FILTERS, min_price_ticks=100))


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (Side.BUY, 2_400_000, 2_400_000),  # 1.2 x 20000
        (Side.BUY, 2_400_001, 2_400_000),
        (Side.BUY, 400_000, 400_000),  # 0.2 x 20000
        (Side.BUY, 399_999, "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, 1_600_000, 1_600_000),  # 0.8 x 20000
        (Side.SELL, 1_599_999, 1_600_000),
        (Side.SELL, 10_000_000, 10_000_000),  # 5 x 20000
        (Side.SELL, 10_000_001, "PERCENT_PRICE_BY_SIDE"),
    ],
)
def test_prices_far_from_the_average(side: Side, price: int, expected: int | str) -> None:
    """Both bounds of each side at their edges: moved when that is safe, refused otherwise."""
    found = checked(order(side=side, price=price), FILTERS, AT_20000)
    if isinstance(expected, str):
        assert isinstance(found, str)
        assert expected in found
    else:
        assert not isinstance(found, str)
        assert found.price_ticks == expected


def test_without_an_average_the_venue_decides() -> None:
    """What is not known is not guessed; market orders have no price to compare."""
    assert fitted(order(price=399_999)).price_ticks == 399_999
    assert fitted(order(OrderType.MARKET), FILTERS, AT_20000)


def test_the_older_percent_filter_holds_for_both_sides() -> None:
    """PERCENT_PRICE has one pair of multipliers."""
    filters = [one for one in entry()["filters"] if one["filterType"] != "PERCENT_PRICE_BY_SIDE"]
    filters.append({"filterType": "PERCENT_PRICE", "multiplierUp": "1.1", "multiplierDown": "0.9", "avgPriceMins": 5})
    older = symbol_filters(entry(filters=filters), BTC)
    assert older.percent_price == PriceBand(Decimal("1.1"), Decimal("0.9"), Decimal("1.1"), Decimal("0.9"))
    assert "PERCENT_PRICE" in refusal(order(price=1_799_999), older, AT_20000)


@pytest.mark.parametrize(("lots", "fits"), [(25, True), (24, False)])
def test_the_least_value(lots: int, fits: bool) -> None:
    """5 USDT at 20000 are 25 lots; one less is refused, with and without a price, buying and selling."""
    for kind in (OrderType.LIMIT_IOC, OrderType.LIMIT_MAKER, OrderType.MARKET, OrderType.STOP_LOSS):
        for side in Side:
            found = checked(order(kind, side, lots=lots), FILTERS, AT_20000)
            assert isinstance(found, str) is not fits
            assert fits or "NOTIONAL" in str(found)


def test_the_least_value_of_market_orders_may_be_switched_off() -> None:
    """And without an average it is left to the venue."""
    free = evolve(FILTERS, min_notional_for_market=False)
    assert fitted(order(OrderType.MARKET, lots=1), free, AT_20000).qty_lots == 1
    assert fitted(order(OrderType.MARKET, lots=1), FILTERS, NOTHING).qty_lots == 1
    assert "NOTIONAL" in refusal(order(lots=1), free, AT_20000)


def test_the_largest_value_cuts_the_quantity() -> None:
    """9 million at 20000 are 450 BTC: less is sent, on the step; market orders only where it applies to them."""
    assert fitted(order(lots=45_000_001), FILTERS, AT_20000).qty_lots == 45_000_000
    stepped = evolve(FILTERS, lots=LotRule(1, 0, 7))
    assert fitted(order(lots=70_000_000), stepped, AT_20000).qty_lots == 45_000_000 - 45_000_000 % 7
    large = evolve(FILTERS, market_lots=LotRule())
    assert fitted(order(OrderType.MARKET, lots=45_000_001), large, AT_20000).qty_lots == 45_000_001
    assert (
        fitted(order(OrderType.MARKET, lots=45_000_001), evolve(large, max_notional_for_market=True), AT_20000).qty_lots
        == 45_000_000
    )


def test_open_orders_are_counted() -> None:
    """One place left is enough; stops have a bound of their own."""
    assert fitted(order(), FILTERS, FilterReferences(open_orders=199))
    assert "MAX_NUM_ORDERS" in refusal(order(), FILTERS, FilterReferences(open_orders=200))
    assert fitted(order(OrderType.STOP_LOSS), FILTERS, FilterReferences(open_algo_orders=4))
    assert "MAX_NUM_ALGO_ORDERS" in refusal(order(OrderType.STOP_LOSS), FILTERS, FilterReferences(open_algo_orders=5))
    assert fitted(order(), FILTERS, FilterReferences(open_algo_orders=5))


def test_a_bound_of_zero_is_none() -> None:
    """A count of 0, as an empty string or a missing filter, switches it off."""
    filters = [one for one in entry()["filters"] if not one["filterType"].startswith("MAX_NUM")]
    filters.append({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 0})
    free = symbol_filters(entry(filters=filters), BTC)
    assert (free.max_orders, free.max_algo_orders) == (0, 0)
    assert fitted(order(OrderType.STOP_LOSS), free, FilterReferences(open_orders=10_000, open_algo_orders=10_000))


def test_the_largest_position_stops_buys_only() -> None:
    """What is held and bought counts; a sell always may."""
    filters = [*entry()["filters"], {"filterType": "MAX_POSITION", "maxPosition": "10.00000000"}]
    bounded = symbol_filters(entry(filters=filters), BTC)
    assert bounded.max_position_lots == 1_000_000
    assert fitted(order(), bounded, FilterReferences(position_lots=999_000))
    assert "MAX_POSITION" in refusal(order(), bounded, FilterReferences(position_lots=999_001))
    assert fitted(order(side=Side.SELL), bounded, FilterReferences(position_lots=5_000_000))


RULES = {
    "symbolRules": [
        {"symbol": "ETHUSDT", "rules": []},
        {"symbol": "BTCUSDT", "rules": [{"ruleType": "PRICE_RANGE", "bidLimitMultUp": "1.1", "bidLimitMultDown": "0.9",
                                         "askLimitMultUp": "1.2", "askLimitMultDown": None}]},
    ]
}  # fmt: skip


def test_the_price_range_rule_is_read() -> None:
    """From an answer of executionRules; none told switches it off."""
    ranged = with_price_range(FILTERS, RULES)
    assert ranged.price_range == PriceBand(Decimal("1.1"), Decimal("0.9"), Decimal("1.2"), None)
    assert with_price_range(ranged, {"symbolRules": []}).price_range is None
    with pytest.raises(VenueError, match="executionRules"):
        with_price_range(FILTERS, {"symbolRules": [{"symbol": "BTCUSDT"}]})


@pytest.mark.parametrize(
    ("kind", "price", "ask", "fits"),
    [
        (OrderType.MARKET, 0, 2_200_000, True),
        (OrderType.MARKET, 0, 2_200_001, False),
        (OrderType.MARKET, 0, 1_799_999, False),
        (OrderType.LIMIT_IOC, 2_300_000, 2_200_001, False),
        (OrderType.LIMIT_FOK, 2_300_000, 2_200_001, False),
        (OrderType.LIMIT, 2_300_000, 2_200_001, False),
        (OrderType.LIMIT, 2_200_000, 2_200_001, True),  # rests
        (OrderType.LIMIT_MAKER, 2_200_000, 2_200_001, True),
        (OrderType.STOP_LOSS, 0, 2_200_001, True),  # takes later, at another reference price
        (OrderType.MARKET, 0, 0, True),  # no book is known
    ],
)
def test_what_would_take_outside_the_price_range_is_not_sent(kind: OrderType, price: int, ask: int, fits: bool) -> None:
    """It would expire at once. What rests, or is not known, is sent."""
    ranged = with_price_range(FILTERS, RULES)
    found = checked(order(kind, price=price), ranged, FilterReferences(reference=Decimal(20_000), ask_ticks=ask))
    assert isinstance(found, str) is not fits
    assert fits or "price range" in str(found)


def test_an_exit_is_tried_even_outside_the_price_range() -> None:
    """The range moves with the market; an exit that expires has lost nothing."""
    ranged = evolve(FILTERS, price_range=PriceBand(Decimal("1.1"), Decimal("0.9"), Decimal("1.1"), Decimal("0.9")))
    assert fitted(order(OrderType.LIMIT_IOC, Side.SELL), ranged, FilterReferences(reference=Decimal(20_000), bid_ticks=100))


def test_dust_is_what_no_order_can_sell() -> None:
    """Below the least quantity or value at the price; the same amount is sellable at a higher price."""
    assert dust(25, 2_000_000, FILTERS) == ""
    assert "NOTIONAL" in dust(24, 2_000_000, FILTERS)
    assert dust(24, 2_100_000, FILTERS) == ""
    stepped = evolve(FILTERS, lots=LotRule(100, 0, 100))
    assert "LOT_SIZE" in dust(99, 2_000_000_00, stepped)
    assert dust(199, 2_000_000_00, stepped) == ""
    assert (sellable_lots(199, stepped), sellable_lots(199, FILTERS)) == (100, 199)
    assert "LOT_SIZE" in dust(0, 2_000_000, FILTERS)


@pytest.mark.parametrize("seed", range(20))
def test_no_order_is_ever_made_worse(seed: int) -> None:
    """Over random filters and orders: never a higher buy, a lower sell or a larger quantity; fitting twice changes nothing; and
    dust is refused by the filters too."""
    draw = random.Random(seed)
    for _ in range(200):
        filters = evolve(
            FILTERS,
            tick_step=draw.choice((1, 5, 10, 50)),
            lots=LotRule(draw.choice((1, 10, 30)), draw.choice((0, 5_000)), draw.choice((1, 3, 10))),
            market_lots=LotRule(1, draw.choice((0, 700)), draw.choice((1, 4))),
            min_price_ticks=draw.choice((1, 1_500_000)),
            max_notional_minor=draw.choice((0, 100 * 10**10)),
        )
        references = FilterReferences(average=draw.choice((None, Decimal(draw.randrange(10_000, 30_000)))))
        submit = order(
            draw.choice(list(OrderType)), draw.choice(list(Side)), price=draw.randrange(1_000_000, 3_000_000),
            lots=draw.randrange(1, 6_000), stop=draw.randrange(1_600_000, 2_500_000),
        )  # fmt: skip
        found = checked(submit, filters, references)
        if isinstance(found, str):
            continue
        assert found.qty_lots <= submit.qty_lots, f"seed {seed}"
        assert (found.price_ticks - submit.price_ticks) * submit.side <= 0, f"seed {seed}"
        assert found.price_ticks % filters.tick_step == 0, f"seed {seed}"
        assert found.qty_lots % filters.lots.step == 0, f"seed {seed}"
        assert checked(found, filters, references) is found, f"seed {seed}"
        assert msgspec.structs.replace(found, qty_lots=1, price_ticks=1, stop_ticks=0) == msgspec.structs.replace(
            submit, qty_lots=1, price_ticks=1, stop_ticks=0
        ), f"seed {seed}"
        if found.price_ticks:
            assert dust(found.qty_lots, found.price_ticks, filters) == "", f"seed {seed}"


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "ETHUSDT"},
        {"filters": []},
        {"filters": None},
        {"filters": [{"filterType": "PRICE_FILTER"}]},
        {"filters": [{**entry()["filters"][0], "tickSize": 0.01}, entry()["filters"][1]]},
        {"filters": [{**entry()["filters"][0], "minPrice": "-1"}, entry()["filters"][1]]},
        {"filters": [{**entry()["filters"][0], "maxPrice": "NaN"}, entry()["filters"][1]]},
        {"filters": [*entry()["filters"][:2], {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": "200"}]},
        {"filters": [*entry()["filters"][:2], {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": -1}]},
        {"filters": [*entry()["filters"][:2], {"filterType": "MAX_NUM_ORDERS"}]},
    ],
)
def test_filters_that_cannot_be_read_are_an_error(change: dict[str, Any]) -> None:
    """No filter is silently taken for none: the symbol is named."""
    with pytest.raises(VenueError, match="BTCUSDT"):
        symbol_filters(entry(**change), BTC)


def test_the_local_exchange_has_filters_that_can_be_read() -> None:
    """Every symbol that the test bench lists can be traded with these filters."""
    from flashcrash_binance.exchange.limits import LIMITS
    from flashcrash_binance.exchange.listing import exchange_info

    listed = exchange_info([BTC], MarketKind.SPOT, 1_700_000_000_000_000, LIMITS[MarketKind.SPOT])["symbols"][0]
    filters = symbol_filters(listed, BTC)
    assert fitted(order(OrderType.LIMIT_MAKER), filters, AT_20000) == order(OrderType.LIMIT_MAKER)
