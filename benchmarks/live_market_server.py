"""The market of ``benchmarks/live_feed.py``: a process that serves one symbol over real sockets at a set rate.

    python benchmarks/live_market_server.py --rate 5000 --seconds 20

Prints one JSON line with its address, then serves: exchangeInfo, time and depth over REST, and on every WebSocket the same
messages: a diff each 100 ms, trades, and best quotes for the rest. Everything is written before the first connection, but the
times, which are those of sending, in microseconds: so a message tells how long it was on the way. The book is consistent to the
last level.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import random
import struct
import sys
import time
from typing import Final

from attrs import define, field

SYMBOL: Final = "BENCHUSDT"
TICK, LOT = 100, 100_000
"""Ticks and lots in one unit."""
_LEVELS: Final = 400
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STAMP: Final = b"1000000000000000"
_TRADES: Final = 0.35
"""Part of the messages that are trades; recorded calm spot markets have between a quarter and a half."""

INFO: Final = {
    "symbols": [
        {
            "symbol": SYMBOL,
            "status": "TRADING",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": f"{1 / TICK:.8f}"},
                {"filterType": "LOT_SIZE", "stepSize": f"{1 / LOT:.8f}"},
                {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
            ],
        }
    ]
}


def _price(ticks: int) -> str:
    return f"{ticks // TICK}.{ticks % TICK:02d}000000"


def _quantity(lots: int) -> str:
    return f"{lots // LOT}.{lots % LOT:05d}000"


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    head = struct.pack("!BB", 0x81, size) if size < 126 else struct.pack("!BBH", 0x81, 126, size)
    return head + payload


@define
class Message:
    """One frame; the times of sending go where ``stamps`` says."""

    frame: bytes
    stamps: tuple[int, ...]
    id: int
    """Id of the book after it."""

    def at(self, now_us: int) -> bytes:
        """The frame as it is sent at that time."""
        if not self.stamps:
            return self.frame
        stamp, frame = b"%016d" % now_us, self.frame
        parts, last = [], 0
        for place in self.stamps:
            parts += [frame[last:place], stamp]
            last = place + 16
        parts.append(frame[last:])
        return b"".join(parts)


@define
class Market:
    """A wandering price with a book around it; ids count changes of the book."""

    rng: random.Random
    mid: int = 5_000_000
    id: int = 1_000
    trade_id: int = 1
    bids: dict[int, int] = field(factory=dict)
    asks: dict[int, int] = field(factory=dict)
    changed: tuple[dict[int, int], dict[int, int]] = field(factory=lambda: ({}, {}))
    told: int = 1_000

    def __attrs_post_init__(self) -> None:
        for away in range(1, _LEVELS + 1):
            self.bids[self.mid - away] = self.rng.randint(1, 3 * LOT)
            self.asks[self.mid + away] = self.rng.randint(1, 3 * LOT)

    def snapshot(self) -> bytes:
        """REST's depth."""
        bids = [[_price(p), _quantity(self.bids[p])] for p in sorted(self.bids, reverse=True)]
        asks = [[_price(p), _quantity(self.asks[p])] for p in sorted(self.asks)]
        return json.dumps({"lastUpdateId": self.id, "bids": bids, "asks": asks}).encode()

    def quote(self) -> Message:
        """A change at the top, now and then a step of the price, and what the top is then."""
        side = self.rng.randrange(2)
        if self.rng.random() < 0.1:
            step = self.rng.choice((-1, 1))
            gone, new = (self.asks, self.bids) if step > 0 else (self.bids, self.asks)
            price = min(gone) if step > 0 else max(gone)
            del gone[price]
            self.changed[step > 0][price] = 0
            far = (max(gone) + 1) if step > 0 else (min(gone) - 1)
            gone[far] = self.changed[step > 0][far] = self.rng.randint(1, 3 * LOT)
            near = max(new) + 1 if step > 0 else min(new) - 1
            new[near] = self.changed[step < 0][near] = self.rng.randint(1, 3 * LOT)
            back = min(new) if step > 0 else max(new)
            del new[back]
            self.changed[step < 0][back] = 0
        else:
            book = self.asks if side else self.bids
            price = min(book) if side else max(book)
            book[price] = self.changed[side][price] = self.rng.randint(1, 3 * LOT)
        self.id += 1
        bid, ask = max(self.bids), min(self.asks)
        return self._message(
            "bookTicker",
            f'{{"u":{self.id},"s":"{SYMBOL}","b":"{_price(bid)}","B":"{_quantity(self.bids[bid])}",'
            f'"a":"{_price(ask)}","A":"{_quantity(self.asks[ask])}"}}',
        )

    def trade(self) -> Message:
        """A print at the top."""
        sold = self.rng.random() < 0.5
        price = max(self.bids) if sold else min(self.asks)
        self.trade_id += 1
        return self._message(
            "trade",
            f'{{"e":"trade","E":{_STAMP.decode()},"s":"{SYMBOL}","t":{self.trade_id},"p":"{_price(price)}",'
            f'"q":"{_quantity(self.rng.randint(1, LOT))}","T":{_STAMP.decode()},"m":{"true" if sold else "false"},"M":true}}',
        )

    def diff(self) -> Message | None:
        """What changed since the last one; None if nothing did."""
        if self.id == self.told:
            return None
        bids, asks = ([[_price(p), _quantity(q)] for p, q in sorted(side.items())] for side in self.changed)
        first, self.told = self.told + 1, self.id
        self.changed = ({}, {})
        levels = json.dumps({"b": bids, "a": asks}, separators=(",", ":"))[1:]
        return self._message(
            "depth@100ms",
            f'{{"e":"depthUpdate","E":{_STAMP.decode()},"s":"{SYMBOL}","U":{first},"u":{self.id},{levels}',
        )

    def _message(self, stream: str, data: str) -> Message:
        frame = _frame(f'{{"stream":"{SYMBOL.lower()}@{stream}","data":{data}}}'.encode())
        places, at = [], frame.find(_STAMP)
        while at >= 0:
            places.append(at)
            at = frame.find(_STAMP, at + 16)
        return Message(frame, tuple(places), self.id)


def written(rate: int, seconds: float, seed: int) -> tuple[list[bytes], list[list[Message]]]:
    """Snapshots by slot of 10 ms, and the messages of each slot. A snapshot is that of the slot's begin."""
    market = Market(random.Random(seed))
    snapshots: list[bytes] = []
    slots: list[list[Message]] = []
    owed = 0.0
    for slot in range(round(seconds * 100)):
        if slot % 20 == 0:
            snapshots.append(market.snapshot())
        messages: list[Message] = []
        owed += rate / 100
        while owed >= 1:
            owed -= 1
            messages.append(market.trade() if market.rng.random() < _TRADES else market.quote())
        if slot % 10 == 9 and (diff := market.diff()) is not None:
            messages.append(diff)
        slots.append(messages)
    return snapshots, slots


@define
class Server:
    """Plays the slots in real time from the first connection on, to everybody who is connected."""

    snapshots: list[bytes]
    slots: list[list[Message]]
    slot: int = 0
    sent: int = 0
    late_s: float = 0.0
    writers: list[asyncio.StreamWriter] = field(factory=list)
    playing: "asyncio.Task[None] | None" = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: REST requests, or the streams."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ")[1].decode()
                if target.startswith("/stream"):
                    await self._stream(head, reader, writer)
                    return
                body = self._answer(target)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, target: str) -> bytes:
        if "exchangeInfo" in target:
            return json.dumps(INFO).encode()
        if "depth" in target:
            return self.snapshots[min(self.slot // 20, len(self.snapshots) - 1)]
        if "bench" in target:
            return json.dumps({"sent": self.sent, "late_s": self.late_s, "done": self.slot >= len(self.slots)}).encode()
        return json.dumps({"serverTime": time.time_ns() // 1_000_000}).encode()

    async def _stream(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        key = next(value for name, value in lines.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
        writer.write(accept + b"\r\n\r\n")
        self.writers.append(writer)
        if self.playing is None:
            self.playing = asyncio.create_task(self._play())
        try:
            await reader.read()
        finally:
            self.writers.remove(writer)

    async def _play(self) -> None:
        await asyncio.sleep(0.5)  # until the other connection is there too
        began = time.perf_counter()
        for number, messages in enumerate(self.slots):
            ahead_s = began + number / 100 - time.perf_counter()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            else:
                self.late_s = max(self.late_s, -ahead_s)
                await asyncio.sleep(0)
            self.slot = number
            if not messages:
                continue
            now_us = time.time_ns() // 1000
            data = b"".join([message.at(now_us) for message in messages])
            for writer in self.writers:
                writer.write(data)
                self.sent += len(messages)
        self.slot = len(self.slots)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, required=True, help="messages per second and connection")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    server = Server(*written(options.rate, options.seconds, options.seed))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}", "symbol": SYMBOL}) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the other end is closed
    listening.close()


if __name__ == "__main__":
    asyncio.run(main())
