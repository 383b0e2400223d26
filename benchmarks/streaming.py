"""Streaming benchmark: a raw capture to decisions at full speed, and its ratio to a naive loop over the same file.

    python benchmarks/streaming.py [CAPTURE ...]

Without a capture, the files named in the data README are used from FLASHCRASH_DATA, else a capture is rendered from the simulated market
into a temporary directory (and said so). Both loops run in turns in one process, five times each, and the medians are compared, so that a
busy machine slows both alike.

The reference loop is what such a system looks like when written without care for the hot path: ``json.loads``, one attrs object per
message, floats from strings, and one pluggy hook call per message. It keeps the same book in a plain dict and counts; it computes no
indicator and decides nothing, so it does strictly less work than the product.
"""

import argparse
import gc
import gzip
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pluggy

from flashcrash_core.runtime.launch import RunRequest, execute

hookspec = pluggy.HookspecMarker("reference")
hookimpl = pluggy.HookimplMarker("reference")


@attrs.frozen
class Depth:
    """A diff, as the reference loop keeps it."""

    symbol: str
    event_ms: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


@attrs.frozen
class Ticker:
    """A best quote."""

    symbol: str
    bid: float
    ask: float


@attrs.frozen
class Print:
    """A trade."""

    symbol: str
    event_ms: int
    price: float
    quantity: float
    seller_aggressed: bool


class Hooks:
    """One hook per message: what the design rules out on the hot path."""

    @hookspec
    def on_message(self, message: Any) -> None:
        """Called for every message."""


class Keeper:
    """The smallest useful plugin: book, last quote, signed volume."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.volume = 0.0
        self.best = (0.0, 0.0)

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Take one message."""
        if isinstance(message, Depth):
            for side, levels in ((self.bids, message.bids), (self.asks, message.asks)):
                for price, quantity in levels:
                    if quantity:
                        side[price] = quantity
                    else:
                        side.pop(price, None)
        elif isinstance(message, Ticker):
            self.best = (message.bid, message.ask)
        else:
            self.volume += -message.quantity if message.seller_aggressed else message.quantity


class Counter:
    """A second plugin, since a framework with plugins has several: counts messages."""

    def __init__(self) -> None:
        self.count = 0

    @hookimpl
    def on_message(self, message: Any) -> None:
        """Count it."""
        self.count += 1


def reference(paths: list[Path]) -> int:
    """Run the reference loop; returns the number of messages."""
    manager = pluggy.PluginManager("reference")
    manager.add_hookspecs(Hooks)
    counter = Counter()
    manager.register(Keeper())
    manager.register(counter)
    for path in paths:
        with gzip.open(path, "rt") as lines:
            for line in lines:
                message = json.loads(line.split(" ", 1)[1])
                data = message.get("data", message)
                kind = data.get("e", "bookTicker" if "B" in data else "snapshot")
                if kind in ("depthUpdate", "snapshot"):
                    bids, asks = data.get("b", data.get("bids")), data.get("a", data.get("asks"))
                    parsed: Any = Depth(
                        data.get("s", ""), data.get("E", 0), [(float(p), float(q)) for p, q in bids], [(float(p), float(q)) for p, q in asks]
                    )  # fmt: skip
                elif kind == "bookTicker":
                    parsed = Ticker(data["s"], float(data["b"]), float(data["a"]))
                else:
                    parsed = Print(data["s"], data["T"], float(data["p"]), float(data["q"]), data["m"])
                manager.hook.on_message(message=parsed)
    return counter.count


def product(paths: list[Path]) -> tuple[int, str]:
    """The whole pipeline without storage: decode, book, features, eight indicators, detector, hold sweep, strategy."""
    report = execute(RunRequest(mode="backtest", paths=tuple(paths), keep=False))
    return report["events"], report["decision_hash"]


def main() -> None:
    """Run both in turns and print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    paths = options.capture or _recorded()
    product_s, reference_s, messages, digest = [], [], 0, ""
    for _ in range(options.rounds):
        gc.collect()
        start = time.perf_counter()
        messages, digest = product(paths)
        product_s.append(time.perf_counter() - start)
        gc.collect()
        start = time.perf_counter()
        counted = reference(paths)
        reference_s.append(time.perf_counter() - start)
        if counted != messages:
            sys.exit(f"not the same work: the product took {messages} messages, the reference {counted}")
    ours, theirs = statistics.median(product_s), statistics.median(reference_s)
    print(f"machine        {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"input          {', '.join(path.name for path in paths)}: {messages:,} messages")
    print(
        f"flashcrash     {messages / ours:>10,.0f} messages/s  ({ours:.2f} s median of {options.rounds}; book, features, indicators, decisions)"
    )
    print(
        f"reference      {messages / theirs:>10,.0f} messages/s  ({theirs:.2f} s; json + attrs + one hook per message; no features, no decisions)"
    )
    print(f"ratio          {theirs / ours:.2f}x")
    print(f"decision hash  {digest}")


def _recorded() -> list[Path]:
    folder = os.environ.get("FLASHCRASH_DATA")
    if not folder:
        sys.exit("name a capture, or set FLASHCRASH_DATA to the folder with the recorded files")
    return sorted(Path(folder).glob("binance_spot_BTCUSDT_raw_*.gz"))


if __name__ == "__main__":
    main()
