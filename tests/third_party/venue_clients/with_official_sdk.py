"""Keep a book by the documented procedure and take trades with Binance's own SDK; print what it holds as JSON.

python with_official_sdk.py REST WS SYMBOL FINAL_UPDATE_ID FINAL_TRADE_ID
"""

import asyncio
import json
import sys

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_spot.spot import Spot


async def main(rest: str, ws: str, symbol: str, final_update_id: int, final_trade_id: int) -> None:
    spot = Spot(
        config_rest_api=ConfigurationRestAPI(base_path=rest),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=ws),
    )
    held, trades = [], []
    changed = asyncio.Event()

    def on_depth(event) -> None:
        held.append(event)
        changed.set()

    def on_trade(event) -> None:
        trades.append(event.t)
        changed.set()

    connection = await spot.websocket_streams.create_connection()
    depth = await connection.diff_book_depth(symbol=symbol.lower(), update_speed="100ms")
    depth.on("message", on_depth)
    trade = await connection.trade(symbol=symbol.lower())
    trade.on("message", on_trade)
    while not held:
        changed.clear()
        await changed.wait()
    snapshot = None
    while snapshot is None or snapshot.last_update_id < held[0].U:
        snapshot = (await asyncio.to_thread(spot.rest_api.depth, symbol, 5000)).data()
        await asyncio.sleep(0)
    update_id = snapshot.last_update_id
    bids, asks = ({level[0]: level[1] for level in side} for side in (snapshot.bids, snapshot.asks))
    while update_id < final_update_id or not trades or trades[-1] < final_trade_id:
        for event in held:
            if event.u <= update_id:
                continue
            if update_id + 1 < event.U:
                raise SystemExit(f"hole: the book is at {update_id}, the next diff begins at {event.U}")
            for side, levels in ((bids, event.b), (asks, event.a)):
                for price, quantity in (level if isinstance(level, list) else level.root for level in levels):
                    side[price] = quantity
                    if float(quantity) == 0:
                        del side[price]
            update_id = event.u
        held.clear()
        if update_id < final_update_id or not trades or trades[-1] < final_trade_id:
            changed.clear()
            await changed.wait()
    await spot.websocket_streams.close_connection(close_session=True)
    print(json.dumps({"update_id": update_id, "bids": bids, "asks": asks, "trades": trades}))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
