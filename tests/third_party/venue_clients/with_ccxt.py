"""Keep a book and take trades with ccxt's own WebSocket client; print what it holds as JSON.

python with_ccxt.py REST WS SYMBOL FINAL_UPDATE_ID FINAL_TRADE_ID
"""

import asyncio
import json
import sys

import ccxt.pro


async def main(rest: str, ws: str, symbol: str, final_update_id: int, final_trade_id: int) -> None:
    exchange = ccxt.pro.binance({"options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "defaultType": "spot"}})
    api = exchange.urls["api"]
    api["public"] = api["v1"] = api["private"] = rest + "/api/v3"
    api["ws"]["spot"] = ws + "/ws"
    exchange.has["fetchCurrencies"] = False
    exchange.options["tradesLimit"] = 1_000_000
    await exchange.load_markets()
    name = next(market["symbol"] for market in exchange.markets.values() if market["id"] == symbol)
    trades: list[int] = []

    async def take_trades() -> None:
        while not trades or trades[-1] < final_trade_id:
            for trade in await exchange.watch_trades(name, params={"name": "trade"}):
                if not trades or int(trade["id"]) > trades[-1]:
                    trades.append(int(trade["id"]))

    taking = asyncio.create_task(take_trades())
    book = await exchange.watch_order_book(name, params={"speed": "100"})
    while (book["nonce"] or 0) < final_update_id:
        book = await exchange.watch_order_book(name, params={"speed": "100"})
    await taking
    await exchange.close()
    sides = {side: {repr(price): repr(quantity) for price, quantity in book[side]} for side in ("bids", "asks")}
    print(json.dumps({"update_id": book["nonce"], **sides, "trades": trades}))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
