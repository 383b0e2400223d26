"""The local exchange over real sockets, with clients of aiohttp and websockets that know nothing of it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from flashcrash_binance.exchange.core import ExchangeCore
from flashcrash_binance.exchange.faults import parse_faults
from flashcrash_binance.exchange.server import Addresses, ExchangeServer
from flashcrash_binance.exchange.sources import simulated_sources
from flashcrash_core.api import MarketKind

SYMBOL: Final = "SIMUSDT"
NAME: Final = SYMBOL.lower()
_LONG_S: Final = 20.0
"""Far more than anything here takes; a test that waits this long fails."""


@asynccontextmanager
async def running(
    *, kind: MarketKind = MarketKind.SPOT, faults: str = "", preset: str = "calm", prepared: bool = False, **options: Any
) -> AsyncIterator[tuple[ExchangeServer, Addresses]]:
    """A server on a free port."""
    core = ExchangeCore(
        simulated_sources((SYMBOL,), 1, preset=preset, prepared=prepared), kind=kind, faults=parse_faults(faults), **options
    )
    server = ExchangeServer(core)
    try:
        yield server, await server.start()
    finally:
        await server.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(test(), _LONG_S)

    asyncio.run(bounded())


def connect(url: str) -> Any:
    return websockets.connect(url, compression=None, ping_interval=None, max_queue=None)


def upgrade(target: str) -> bytes:
    """An upgrade request as bytes."""
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def until_closed(client: Any) -> ConnectionClosed:
    """Read on until the connection ends."""
    while True:
        try:
            json.loads(await client.recv())
        except ConnectionClosed as closed:
            return closed


def test_when_the_market_stands_still_a_client_has_the_very_book() -> None:
    """After the end of the source every level that a client built equals what REST and the exchange say."""

    async def test() -> None:
        core = ExchangeCore(simulated_sources((SYMBOL,), 4, preset="calm", calm_s=40), speed=20.0)
        server = ExchangeServer(core)
        at = await server.start()
        try:
            async with connect(f"{at.ws}/ws/{NAME}@depth@100ms") as client, aiohttp.ClientSession() as http:
                first = json.loads(await client.recv())
                async with http.get(f"{at.rest}/api/v3/depth?symbol={SYMBOL}&limit=5000") as answer:
                    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "250"
                    book = await answer.json()
                assert first["U"] <= book["lastUpdateId"] + 1
                held = {side: dict(book[side]) for side in ("bids", "asks")}
                last_id, diff = book["lastUpdateId"], first
                while True:
                    if diff["u"] > last_id:
                        assert diff["U"] <= last_id + 1
                        last_id = diff["u"]
                        for side, changes in (("bids", diff["b"]), ("asks", diff["a"])):
                            held[side].update(changes)
                    if core.markets[SYMBOL].next_play_us is None and last_id == core.truth(SYMBOL).update_id:
                        break
                    diff = json.loads(await client.recv())
                async with http.get(f"{at.rest}/api/v3/depth?symbol={SYMBOL}&limit=5000") as answer:
                    final = await answer.json()
            for side in ("bids", "asks"):
                mine = {price: quantity for price, quantity in held[side].items() if quantity != "0.00000000"}
                assert mine == dict(final[side])
        finally:
            await server.close()

    run(test)


def test_every_path_of_the_reference_is_served() -> None:
    """Raw, combined, with a number, with URL-encoded names, and the WebSocket API; others are 404."""

    async def test() -> None:
        async with running(speed=10.0) as (_, at):
            for path in (
                f"/ws/{NAME}@trade",
                f"/stream?streams={NAME}@trade",
                f"/stream?streams={NAME}%40trade",
                f"/ws/{NAME}%40trade",
            ):
                async with connect(at.ws + path) as client:
                    assert b"trade" in (await client.recv(decode=False))
            for path in ("/ws", "/ws/7", "/stream"):
                async with connect(at.ws + path) as client:
                    await client.send(json.dumps({"method": "SUBSCRIBE", "params": [f"{NAME}@trade"], "id": 1}))
                    assert json.loads(await client.recv()) == {"result": None, "id": 1}
                    assert b'"trade"' in (await client.recv(decode=False))
            async with connect(at.ws_api) as client:
                await client.send(json.dumps({"id": 5, "method": "ping"}))
                assert json.loads(await client.recv())["status"] == 200
            with pytest.raises(InvalidStatus) as refused:
                await connect(at.ws + "/elsewhere")
            assert refused.value.response.status_code == 404

    run(test)


def test_usdm_is_served_on_its_own_paths() -> None:
    """REST below /fapi/v1, depth on /public, aggregates on /market."""

    async def test() -> None:
        async with running(kind=MarketKind.USDM, speed=10.0) as (_, at), aiohttp.ClientSession() as http:
            async with http.get(f"{at.rest}/fapi/v1/exchangeInfo") as answer:
                assert (await answer.json())["symbols"][0]["contractType"] == "PERPETUAL"
            async with connect(f"{at.ws}/public/stream?streams={NAME}@depth@100ms") as client:
                assert "pu" in json.loads(await client.recv())["data"]
            async with connect(f"{at.ws}/market/ws/{NAME}@aggTrade") as client:
                assert json.loads(await client.recv())["e"] == "aggTrade"
            assert at.ws_api.endswith("/ws-fapi/v1")

    run(test)


def test_a_client_of_aiohttp_gets_pings_and_pongs() -> None:
    """A ping is answered with its payload, the server's pings are real frames."""

    async def test() -> None:
        async with (
            running(faults="ping_storm=3@0s") as (_, at),
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{at.ws}/ws", autoping=False, compress=0) as client,
        ):
            await client.ping(b"are you there")
            kinds: list[tuple[aiohttp.WSMsgType, bytes]] = []
            while len(kinds) < 4:
                message = await client.receive()
                kinds.append((message.type, bytes(message.data)))
            assert (aiohttp.WSMsgType.PONG, b"are you there") in kinds
            assert sum(kind is aiohttp.WSMsgType.PING for kind, _ in kinds) == 3

    run(test)


def test_too_many_messages_close_the_connection() -> None:
    """The close frame has Binance's code and reason."""

    async def test() -> None:
        async with running() as (_, at), connect(at.ws + "/ws") as client:
            for number in range(12):
                await client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            closed = await until_closed(client)
            assert closed.rcvd is not None
            assert (closed.rcvd.code, closed.rcvd.reason) == (1008, "Too many requests")

    run(test)


def test_a_drop_before_the_upgrade_has_no_answer() -> None:
    """The client sees a connection that breaks; the next attempt is served."""

    async def test() -> None:
        async with running(faults="drop=before_upgrade@#1") as (_, at):
            with pytest.raises((InvalidMessage, ConnectionError, EOFError)):
                await connect(at.ws + "/ws")
            async with connect(at.ws + "/ws") as client:
                await client.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
                assert json.loads(await client.recv())["result"] == []

    run(test)


@pytest.mark.parametrize("faults", ["drop=after_upgrade@#1", "drop@300ms", "cut=trade@300ms", "drop=frames:3"])
def test_a_broken_connection_has_no_close_frame(faults: str) -> None:
    """Drops and cuts end the stream without a goodbye, as a dying network does."""

    async def test() -> None:
        async with running(faults=faults, speed=10.0) as (server, at), connect(f"{at.ws}/ws/{NAME}@trade") as client:
            assert (await until_closed(client)).rcvd is None
            assert [one.fault for one in server.core.injector.injected] == [faults]

    run(test)


def test_a_cut_leaves_half_a_frame() -> None:
    """Read as bytes: the last frame's header promises more than comes before the end of the stream."""

    async def test() -> None:
        async with running(faults="cut=depth@300ms", speed=10.0) as (_, at):
            host, port = at.ws.removeprefix("ws://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(upgrade(f"/ws/{NAME}@depth@100ms"))
            await reader.readuntil(b"\r\n\r\n")
            data = await reader.read(-1)
            writer.close()
            await writer.wait_closed()
        sizes: list[tuple[int, int]] = []
        while data:
            length, start = data[1], 2
            if length == 126:
                length, start = int.from_bytes(data[2:4], "big"), 4
            sizes.append((length, len(data[start : start + length])))
            data = data[start + length :]
        assert all(promised == came for promised, came in sizes[:-1])
        assert 0 < sizes[-1][1] < sizes[-1][0]

    run(test)


def test_refusals_over_rest() -> None:
    """A request without an answer, 503, 429 and 418 with Retry-After, a slow snapshot: as real HTTP."""

    async def test() -> None:
        faults = "drop=request:time,server_error=503:1:exchangeInfo@#1,slow_snapshot=300ms"
        async with running(faults=faults) as (server, at), aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectionError):
                await http.get(f"{at.rest}/api/v3/time")
            async with http.get(f"{at.rest}/api/v3/exchangeInfo") as answer:
                assert answer.status == 503
            began = server.now_us()
            async with http.get(f"{at.rest}/api/v3/depth?symbol={SYMBOL}") as answer:
                assert answer.status == 200
            assert server.now_us() - began >= 300_000
        async with (
            running(faults="banned=5s@0s") as (_, at),
            aiohttp.ClientSession() as http,
            http.get(f"{at.rest}/api/v3/ping") as answer,
        ):
            assert (answer.status, answer.headers["Retry-After"]) == (418, "5")

    run(test)


def test_the_status_tells_what_was_injected() -> None:
    """Not Binance's: one JSON document with markets, counts and faults."""

    async def test() -> None:
        async with running(faults="slow_snapshot=1ms") as (_, at), aiohttp.ClientSession() as http:
            async with http.get(f"{at.rest}/api/v3/depth?symbol={SYMBOL}") as answer:
                assert answer.status == 200
            async with http.get(f"{at.rest}/flashcrash/exchange") as answer:
                status = await answer.json()
            assert [one["fault"] for one in status["injected"]] == ["slow_snapshot=1ms"]
            assert status["counts"]["requests"] == 1

    run(test)


def test_a_reader_that_sleeps_is_cut_off() -> None:
    """Its unsent bytes are bounded: it is cut and counted, while a reader beside it gets every trade in order."""

    async def test() -> None:
        source = simulated_sources((SYMBOL,), 2, preset="calm", calm_s=60, prepared=True)
        core = ExchangeCore(source, speed=300.0, at_end="loop")
        server = ExchangeServer(core, most_unsent=100_000)
        at = await server.start()
        host, port = at.ws.removeprefix("ws://").split(":")
        sleeper = socket.socket()
        try:
            sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asyncio.to_thread(sleeper.connect, (host, int(port)))
            sleeper.sendall(upgrade(f"/stream?streams={NAME}@depth@100ms/{NAME}@bookTicker/{NAME}@trade"))
            ids: list[int] = []
            async with connect(f"{at.ws}/ws/{NAME}@trade") as client:
                while not core.counts["cut_slow"]:
                    ids.append(json.loads(await client.recv())["t"])
            assert core.counts["cut_slow"] == 1
            assert ids == list(range(ids[0], ids[-1] + 1))
        finally:
            sleeper.close()
            await server.close()

    run(test)


def test_a_defect_ends_the_server() -> None:
    """It does not go on as a market that stands still: whoever waits for its end is told, with the error."""

    async def test() -> None:
        async with running() as (server, at), connect(f"{at.ws}/ws/{NAME}@trade"):
            told: list[object] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
            server.core.markets[SYMBOL].step = broken  # type: ignore[method-assign]
            await server.ended.wait()
            assert isinstance(server.failure, ZeroDivisionError)
            assert told == [server.failure]

    def broken(stamp_us: int) -> Any:
        raise ZeroDivisionError(stamp_us)

    run(test)


def test_at_full_speed_nothing_is_lost_and_nobody_is_cut() -> None:
    """The market waits for its reader: all trades arrive in order, all diffs chain, the server's memory stays bounded."""

    async def test() -> None:
        core = ExchangeCore(simulated_sources((SYMBOL,), 2, preset="calm", calm_s=60, prepared=True), speed=None)
        server = ExchangeServer(core)
        at = await server.start()
        try:
            trades: list[int] = []
            last_u, diffs = 0, 0
            async with connect(f"{at.ws}/stream?streams={NAME}@depth@100ms/{NAME}@bookTicker/{NAME}@trade") as client:
                async for text in client:
                    data = json.loads(text)["data"]
                    if data.get("e") == "trade":
                        trades.append(data["t"])
                    elif data.get("e") == "depthUpdate":
                        assert last_u in (0, data["U"] - 1)
                        last_u, diffs = data["u"], diffs + 1
                    if core.markets[SYMBOL].next_play_us is None and last_u == core.truth(SYMBOL).update_id:
                        break
            assert trades == list(range(1, len(trades) + 1))
            assert diffs == 600
            assert core.counts["cut_slow"] == 0
        finally:
            await server.close()

    run(test)


def test_two_readers_at_full_speed_get_the_same_bytes() -> None:
    """Back-pressure is for the slowest; both have everything from where they began."""

    async def test() -> None:
        core = ExchangeCore(simulated_sources((SYMBOL,), 2, preset="calm", calm_s=30, prepared=True), speed=None)
        server = ExchangeServer(core)
        at = await server.start()

        async def listen() -> list[int]:
            ids: list[int] = []
            async with connect(f"{at.ws}/ws/{NAME}@trade") as client:
                async for text in client:
                    ids.append(json.loads(text)["t"])
                    if core.markets[SYMBOL].next_play_us is None and ids[-1] == core.markets[SYMBOL].trades[-1].trade_id:
                        break
            return ids

        try:
            first, second = await asyncio.gather(listen(), listen())
        finally:
            await server.close()
        common = min(len(first), len(second))
        assert common > 50
        assert first[-common:] == second[-common:]

    run(test)
