"""``exchangeInfo``: what the exchange says of its symbols and limits (reference/binance.md section 7)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from flashcrash_binance.exchange.decimals import places_of
from flashcrash_binance.exchange.limits import VenueLimits
from flashcrash_core.api import Instrument, MarketKind

__all__ = ["MOST_ORDERS", "base_asset", "exchange_info", "spot_symbol"]

_MOST = Decimal("100000000")
MOST_ORDERS: Final = {10: 100, 86_400: 200_000}
"""Unfilled orders of an account, by the seconds of their window."""


def exchange_info(instruments: Iterable[Instrument], kind: MarketKind, stamp_us: int, limits: VenueLimits) -> dict[str, Any]:
    """The whole document."""
    symbol = _futures_symbol if kind is MarketKind.USDM else spot_symbol
    return {
        "timezone": "UTC",
        "serverTime": stamp_us // 1000,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.weight_per_minute},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": MOST_ORDERS[10]},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": MOST_ORDERS[86_400]},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
        ],
        "exchangeFilters": [],
        "symbols": [symbol(one) for one in instruments],
    }


def spot_symbol(one: Instrument) -> dict[str, Any]:
    """What spot says of one symbol."""
    base = base_asset(one)
    return {
        "symbol": one.symbol,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": one.quote_asset,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            _price_filter(one),
            _lot_size("LOT_SIZE", one, 8),
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            _lot_size("MARKET_LOT_SIZE", one, 8),
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": _text(one.min_notional, 8),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }  # fmt: skip


def _futures_symbol(one: Instrument) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "pair": one.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "baseAsset": base_asset(one),
        "quoteAsset": one.quote_asset,
        "marginAsset": one.quote_asset,
        "pricePrecision": places_of(one.tick_size),
        "quantityPrecision": places_of(one.lot_size),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        "filters": [
            _price_filter(one),
            _lot_size("LOT_SIZE", one, 0),
            _lot_size("MARKET_LOT_SIZE", one, 0),
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": format(one.min_notional.normalize(), "f")},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
        ],
    }


def _price_filter(one: Instrument) -> dict[str, str]:
    places = 8 if one.kind is MarketKind.SPOT else places_of(one.tick_size)
    tick = _text(one.tick_size, places)
    return {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": _text(one.tick_size * _MOST, places), "tickSize": tick}


def _lot_size(name: str, one: Instrument, least: int) -> dict[str, str]:
    places = max(least, places_of(one.lot_size))
    lot = _text(one.lot_size, places)
    return {"filterType": name, "minQty": lot, "maxQty": _text(one.lot_size * _MOST, places), "stepSize": lot}


def base_asset(one: Instrument) -> str:
    """What is bought and sold."""
    return one.symbol.removesuffix(one.quote_asset) or one.symbol


def _text(value: Decimal, places: int) -> str:
    return format(value, f".{max(places, places_of(value))}f")
