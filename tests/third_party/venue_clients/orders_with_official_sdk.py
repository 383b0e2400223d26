"""Place, query, cancel and reconcile orders with Binance's own SDK, over REST and the WebSocket API; print what it learned as JSON.

python orders_with_official_sdk.py REST WS_API KEY SECRET SYMBOL
"""

import asyncio
import json
import sys

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI
from binance_sdk_spot.spot import Spot


async def main(rest: str, ws_api: str, key: str, secret: str, symbol: str) -> None:
    spot = Spot(
        config_rest_api=ConfigurationRestAPI(api_key=key, api_secret=secret, base_path=rest),
        config_ws_api=ConfigurationWebSocketAPI(api_key=key, api_secret=secret, stream_url=ws_api),
    )
    api = spot.rest_api
    rows = api.depth(symbol, 5).data().asks
    first = rows[0] if isinstance(rows[0], list) else rows[0].root
    price = float(first[0])
    limit, quantity = round(price * 0.8, 2), round(50 / price, 4)
    common = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": quantity, "price": limit}
    api.new_order(**common, new_client_order_id="resting")
    open_before = [one.client_order_id for one in api.get_open_orders(symbol=symbol).data()]
    assert api.get_order(symbol=symbol, orig_client_order_id="resting").data().status == "NEW"
    assert api.delete_order(symbol=symbol, orig_client_order_id="resting").data().status == "CANCELED"
    code = 0
    try:
        api.delete_order(symbol=symbol, orig_client_order_id="resting")
    except Exception as error:
        code = -2011 if "Unknown order sent." in str(error) else 0
    bought = api.new_order(symbol=symbol, side="BUY", type="MARKET", quote_order_qty=50.0, new_client_order_id="bought").data()
    connection = await spot.websocket_api.create_connection()
    placed = (await connection.order_place(**common, new_client_order_id="socket")).data()
    assert placed.result.status == "NEW", placed
    ended = (await connection.order_cancel(symbol=symbol, orig_client_order_id="socket")).data()
    assert ended.result.status == "CANCELED", ended
    await connection.close_connection(close_session=True)
    trades = api.my_trades(symbol=symbol).data()
    orders = api.all_orders(symbol=symbol).data()
    account = api.get_account().data()
    print(
        json.dumps(
            {
                "open_before": open_before,
                "second_cancel": code,
                "executed": bought.executed_qty,
                "fills": [one.trade_id for one in bought.fills],
                "trades": [one.id for one in trades],
                "traded": [one.qty for one in trades],
                "commissions": [one.commission for one in trades],
                "statuses": {one.client_order_id: one.status for one in orders},
                "balances": {one.asset: [one.free, one.locked] for one in account.balances},
            }
        )
    )


asyncio.run(main(*sys.argv[1:6]))
