"""Place, query, cancel and reconcile orders with ccxt; print what it learned as JSON.

python orders_with_ccxt.py REST WS_API KEY SECRET SYMBOL
"""

import json
import sys

import ccxt


def main(rest: str, _ws_api: str, key: str, secret: str, symbol: str) -> None:
    exchange = ccxt.binance(
        {
            "apiKey": key,
            "secret": secret,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "defaultType": "spot",
            },
        }
    )
    api = exchange.urls["api"]
    api["public"] = api["v1"] = api["private"] = rest + "/api/v3"
    api["sapi"] = rest + "/sapi/v1"
    exchange.has["fetchCurrencies"] = False
    exchange.load_markets()
    name = next(market["symbol"] for market in exchange.markets.values() if market["id"] == symbol)
    price = exchange.fetch_ticker(name)["last"]
    quantity = round(50 / price, 4)
    resting = exchange.create_order(name, "limit", "buy", quantity, round(price * 0.8, 2), {"newClientOrderId": "resting"})
    open_before = [one["clientOrderId"] for one in exchange.fetch_open_orders(name)]
    assert exchange.fetch_order(resting["id"], name)["status"] == "open"
    assert exchange.cancel_order(resting["id"], name)["status"] == "canceled"
    code = 0
    try:
        exchange.cancel_order(resting["id"], name)
    except ccxt.OrderNotFound as error:
        code = json.loads(str(error).removeprefix("binance "))["code"]
    cost = {"quoteOrderQty": 50, "newClientOrderId": "bought"}
    bought = exchange.create_order(name, "market", "buy", None, None, cost)
    replaced = exchange.create_order(name, "limit", "buy", quantity, round(price * 0.8, 2), {"newClientOrderId": "socket"})
    exchange.cancel_all_orders(name)
    assert exchange.fetch_order(replaced["id"], name)["status"] == "canceled"
    trades = exchange.fetch_my_trades(name)
    orders = exchange.fetch_orders(name)
    balances = exchange.fetch_balance()["info"]["balances"]
    print(
        json.dumps(
            {
                "open_before": open_before,
                "second_cancel": code,
                "executed": bought["info"]["executedQty"],
                "fills": [int(one["id"]) for one in bought["trades"]],
                "trades": [int(one["id"]) for one in trades],
                "traded": [one["info"]["qty"] for one in trades],
                "commissions": [one["info"]["commission"] for one in trades],
                "statuses": {one["clientOrderId"]: one["info"]["status"] for one in orders},
                "balances": {one["asset"]: [one["free"], one["locked"]] for one in balances},
            }
        )
    )


main(*sys.argv[1:6])
