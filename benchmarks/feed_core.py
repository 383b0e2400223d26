"""What one message costs in the live feed's core: decoding, merging, the book, the event. No sockets.

    python benchmarks/feed_core.py [--messages 20000] [--repeats 5]

Each kind of message goes through ``FeedCore.on_message`` of a synced core with one symbol and two connections. *First* is the copy
that arrives first and becomes an event; *copy* is the other connection's, which is dropped; *alone* is a message on a feed with one
connection. Prints one JSON document: microseconds a message, the best of the repeats, and the median of them.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Final

from flashcrash_binance.market_feed.actions import Connect, Fetch
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_core.api import Instrument, MarketEvent

SYMBOL: Final = "BENCHUSDT"
START_US: Final = 1_800_000_000_000_000
_LEVELS: Final = 1_000
_MIDDLE: Final = 100_000
_KINDS: Final = ("trade", "bookTicker", "diff of 5 levels", "diff of 50 levels")


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}000000"


def _wrapped(stream: str, data: str) -> bytes:
    return f'{{"stream":"{SYMBOL.lower()}@{stream}","data":{data}}}'.encode()


def _levels(rng: Random, number: int, sign: int) -> str:
    rows = [
        f'["{_price(_MIDDLE + sign * rng.randint(1, 300))}","{rng.choice((0, 1, 1, 1)) * rng.randint(1, 2000) / 1000:.8f}"]'
        for _ in range(number)
    ]
    return f"[{','.join(rows)}]"


def _messages(kind: str, number: int, rng: Random) -> list[bytes]:
    written = []
    for one in range(1, number + 1):
        ms = START_US // 1000 + one
        if kind == "trade":
            written.append(
                _wrapped(
                    "trade",
                    f'{{"e":"trade","E":{ms},"s":"{SYMBOL}","t":{one},"p":"{_price(_MIDDLE + rng.randint(-50, 50))}",'
                    f'"q":"{rng.randint(1, 2000) / 1000:.8f}","T":{ms},"m":true,"M":true}}',
                )
            )
        elif kind == "bookTicker":
            written.append(
                _wrapped(
                    "bookTicker",
                    f'{{"u":{10_000_000 + one},"s":"{SYMBOL}","b":"{_price(_MIDDLE)}","B":"{rng.randint(1, 2000) / 1000:.8f}",'
                    f'"a":"{_price(_MIDDLE + 1)}","A":"{rng.randint(1, 2000) / 1000:.8f}"}}',
                )
            )
        else:
            each = 2 if "5 " in kind and "50" not in kind else 25
            more = 3 if each == 2 else 25
            written.append(
                _wrapped(
                    "depth@100ms",
                    f'{{"e":"depthUpdate","E":{ms},"s":"{SYMBOL}","U":{one},"u":{one},'
                    f'"b":{_levels(rng, each, -1)},"a":{_levels(rng, more, 1)}}}',
                )
            )
    return written


def _core(connections: int) -> tuple[FeedCore, list[int]]:
    """A core that is connected and has its first book."""
    core = FeedCore(
        {SYMBOL: SymbolSettings()},
        {SYMBOL: Instrument(SYMBOL, "0.01", "0.001")},
        FeedSettings(connections=connections, max_events=10**9),
        count(1).__next__,
    )
    core.start(START_US)
    opened = [action.connection for action in core.actions if isinstance(action, Connect)]
    for connection in opened:
        core.on_open(connection, START_US)
    levels = [[f'["{_price(_MIDDLE + sign * step)}","1.00000000"]' for step in range(1, _LEVELS + 1)] for sign in (-1, 1)]
    body = f'{{"lastUpdateId":0,"bids":[{",".join(levels[0])}],"asks":[{",".join(levels[1])}]}}'.encode()
    for action in list(core.actions):
        if isinstance(action, Fetch) and action.what == "depth":
            core.on_answer(action.request, 200, {}, body, START_US, START_US)
    if not core.book(SYMBOL).ever_synced:
        raise RuntimeError("the core took no snapshot; the benchmark would measure nothing")
    core.events.clear()
    core.actions.clear()
    return core, opened


def _measure(kind: str, number: int) -> dict[str, float]:
    messages = _messages(kind, number, Random(kind))
    spent = {"first": 0.0, "copy": 0.0, "alone": 0.0}
    clock = time.perf_counter

    def play(take: Callable[[int, bytes, int], None], connection: int, block: list[bytes], now_us: int) -> float:
        began = clock()
        for place, payload in enumerate(block):
            take(connection, payload, now_us + 100 * place)
        return clock() - began

    core, (leading, second) = _core(2)
    block = 200
    for place in range(0, number, block):
        part, now_us = messages[place : place + block], START_US + 1_000 * place
        spent["first"] += play(core.on_message, leading, part, now_us)
        spent["copy"] += play(core.on_message, second, part, now_us + 20_000)
    _require(core.events, kind, number)
    core, (only,) = _core(1)
    spent["alone"] = play(core.on_message, only, messages, START_US)
    _require(core.events, kind, number)
    return {name: seconds / number * 1e6 for name, seconds in spent.items()}


def _require(events: "object", kind: str, number: int) -> None:
    told = [event for event in events if type(event).__name__ != "Timer"]  # type: ignore[attr-defined]
    kinds = {type(event).__name__ for event in told}
    if len(told) != number or len(kinds) != 1 or not issubclass(type(told[0]), MarketEvent.__args__):
        raise RuntimeError(f"{kind}: {len(told)} events of {number} messages: {kinds}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    found = {}
    for kind in _KINDS:
        rounds = [_measure(kind, asked.messages) for _ in range(asked.repeats)]
        found[kind] = {
            name: {"best_us": round(min(values), 2), "median_us": round(statistics.median(values), 2)}
            for name in rounds[0]
            for values in [[one[name] for one in rounds]]
        }
    print(
        json.dumps(
            {"python": platform.python_version(), "messages": asked.messages, "repeats": asked.repeats, "us": found}, indent=2
        )
    )


if __name__ == "__main__":
    main()
