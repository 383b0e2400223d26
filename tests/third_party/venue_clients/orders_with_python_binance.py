"""Place, query, cancel and reconcile orders with python-binance, over REST and the WebSocket API; print what it learned as JSON.

python orders_with_python_binance.py REST WS_API KEY SECRET SYMBOL
"""

import asyncio
import json
import sys

from binance import AsyncClient
from binance.exceptions import BinanceAPIException


async def main(rest: str, ws_api: str, key: str, secret: str, symbol: str) -> None:
    AsyncClient.API_URL = rest + "/api"
    client = await AsyncClient.create(key, secret)
    client.ws_api._url = ws_api
    price = float((await client.get_symbol_ticker(symbol=symbol))["price"])
    limit, quantity = f"{price * 0.8:.2f}", f"{50 / price:.4f}"
    resting = await client.order_limit_buy(symbol=symbol, quantity=quantity, price=limit, newClientOrderId="resting")
    open_before = [one["clientOrderId"] for one in await client.get_open_orders(symbol=symbol)]
    found = await client.get_order(symbol=symbol, origClientOrderId="resting")
    assert (found["orderId"], found["status"]) == (resting["orderId"], "NEW"), found
    cancelled = await client.cancel_order(symbol=symbol, origClientOrderId="resting")
    assert cancelled["status"] == "CANCELED", cancelled
    code = 0
    try:
        await client.cancel_order(symbol=symbol, origClientOrderId="resting")
    except BinanceAPIException as error:
        code = error.code
    bought = await client.order_market_buy(symbol=symbol, quoteOrderQty="50", newClientOrderId="bought")
    over_socket = await client.ws_create_order(
        symbol=symbol, side="BUY", type="LIMIT", timeInForce="GTC", quantity=quantity, price=limit, newClientOrderId="socket"
    )
    assert over_socket["status"] == "NEW", over_socket
    await client.ws_cancel_order(symbol=symbol, origClientOrderId="socket")
    trades = await client.get_my_trades(symbol=symbol)
    orders = await client.get_all_orders(symbol=symbol)
    account = await client.get_account()
    await client.close_connection()
    print(
        json.dumps(
            {
                "open_before": open_before,
                "second_cancel": code,
                "executed": bought["executedQty"],
                "fills": [one["tradeId"] for one in bought["fills"]],
                "trades": [one["id"] for one in trades],
                "traded": [one["qty"] for one in trades],
                "commissions": [one["commission"] for one in trades],
                "statuses": {one["clientOrderId"]: one["status"] for one in orders},
                "balances": {one["asset"]: [one["free"], one["locked"]] for one in account["balances"]},
            }
        )
    )


asyncio.run(main(*sys.argv[1:6]))
