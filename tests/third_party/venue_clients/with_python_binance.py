"""Keep a book and take trades with python-binance, as its own documentation shows; print what it holds as JSON.

    python with_python_binance.py REST WS SYMBOL FINAL_UPDATE_ID FINAL_TRADE_ID

Runs in the clients' environment (requirements.txt), never in that of the project.
"""

import asyncio
import json
import sys

from binance import AsyncClient, BinanceSocketManager, DepthCacheManager


async def main(rest: str, ws: str, symbol: str, final_update_id: int, final_trade_id: int) -> None:
    AsyncClient.API_URL = rest + "/api"
    BinanceSocketManager.STREAM_URL = ws + "/"
    client = await AsyncClient.create()
    manager = BinanceSocketManager(client)
    trades: list[int] = []

    async def take_trades() -> None:
        async with manager.trade_socket(symbol) as stream:
            while not trades or trades[-1] < final_trade_id:
                trades.append((await stream.recv())["t"])

    taking = asyncio.create_task(take_trades())
    depth = DepthCacheManager(client, symbol, bm=manager, limit=5000, conv_type=str, ws_interval=100)
    async with depth as stream:
        while (depth._last_update_id or 0) < final_update_id:
            cache = await stream.recv()
    await taking
    await client.close_connection()
    print(json.dumps({"update_id": depth._last_update_id, "bids": cache._bids, "asks": cache._asks, "trades": trades}))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
