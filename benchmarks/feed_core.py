"""What one message costs in the live feed's core: decoding, merging, the book, the event. No sockets.

    python benchmarks/feed_core.py [--messages 20000] [--repeats 5]

Each kind of message goes through ``FeedCore.on_message`` of a synced core with one symbol and two connections. *First* is the copy
that arrives first and becomes an event; *copy* is the other connection's, which is dropped; *alone* is a message on a feed with one
connection. Prints one JSON document: microseconds of processor time a message, the best of the repeats and their median. Processor
time, because others on the machine lengthen the time on the wall and not the work.
"""

import argparse
import json
import platform
import statistics
import time
from collections import Counter
from itertools import count
from random import Random
from typing import Final

from flashcrash_binance.market_feed.actions import Connect, Fetch
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_core.api import Instrument

SYMBOL: Final = "BENCHUSDT"
START_US: Final = 1_800_000_000_000_000
_LEVELS: Final = 1_000
_MIDDLE: Final = 100_000
_BOOK_ID: Final = 1_000
_BLOCK: Final = 200
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
        ms = START_US // 1000 + one // 10
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
                    f'{{"u":{_BOOK_ID + one},"s":"{SYMBOL}","b":"{_price(_MIDDLE)}","B":"{rng.randint(1, 2000) / 1000:.8f}",'
                    f'"a":"{_price(_MIDDLE + 1)}","A":"{rng.randint(1, 2000) / 1000:.8f}"}}',
                )
            )
        else:
            levels = int(kind.split()[2])
            each, more = levels // 2, levels - levels // 2
            written.append(
                _wrapped(
                    "depth@100ms",
                    f'{{"e":"depthUpdate","E":{ms},"s":"{SYMBOL}","U":{_BOOK_ID + one},"u":{_BOOK_ID + one},'
                    f'"b":{_levels(rng, each, -1)},"a":{_levels(rng, more, 1)}}}',
                )
            )
    return written


def _core(connections: int) -> tuple[FeedCore, list[int]]:
    """A core that is connected and has its first book."""
    core = FeedCore(
        {SYMBOL: SymbolSettings()},
        {SYMBOL: Instrument(SYMBOL, "0.01", "0.001")},
        FeedSettings(connections=connections, max_events=10_000),
        count(1).__next__,
    )
    core.start(START_US)
    opened = [action.connection for action in core.actions if isinstance(action, Connect)]
    for connection in opened:
        core.on_open(connection, START_US)
    levels = [[f'["{_price(_MIDDLE + sign * step)}","1.00000000"]' for step in range(1, _LEVELS + 1)] for sign in (-1, 1)]
    body = f'{{"lastUpdateId":{_BOOK_ID},"bids":[{",".join(levels[0])}],"asks":[{",".join(levels[1])}]}}'.encode()
    bodies = {"depth": body, "time": b'{"serverTime":%d}' % (START_US // 1000)}
    for action in list(core.actions):
        if isinstance(action, Fetch):
            core.on_answer(action.request, 200, {}, bodies[action.what], START_US, START_US)
    if not core.book(SYMBOL).ever_synced:
        raise RuntimeError("the core took no snapshot; the benchmark would measure nothing")
    core.events.clear()
    core.actions.clear()
    return core, opened


def _measure(kind: str, number: int) -> dict[str, float]:
    messages = _messages(kind, number, Random(kind))
    spent = {"first": 0.0, "copy": 0.0, "alone": 0.0}
    clock = time.process_time

    def play(core: FeedCore, connection: int, block: list[bytes], now_us: int) -> float:
        take = core.on_message
        began = clock()
        for place, payload in enumerate(block):
            take(connection, payload, now_us + 100 * place)
        return clock() - began

    both, (leading, second) = _core(2)
    single, (only,) = _core(1)
    told = {"both": Counter[str](), "single": Counter[str]()}
    for place in range(0, number, _BLOCK):
        part, now_us = messages[place : place + _BLOCK], START_US + 100 * place
        spent["first"] += play(both, leading, part, now_us)
        spent["copy"] += play(both, second, part, now_us + 20_000)
        spent["alone"] += play(single, only, part, now_us)
        for name, core in (("both", both), ("single", single)):  # taken out, as whoever follows does
            told[name].update(type(event).__name__ for event in core.events)
            core.events.clear()
    for kinds in told.values():
        if len(kinds) != 1 or set(kinds.values()) != {number}:
            raise RuntimeError(f"{kind}: {number} messages became {dict(kinds)}; the benchmark would measure something else")
    return {name: seconds / number * 1e6 for name, seconds in spent.items()}


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
