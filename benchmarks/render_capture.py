"""Render the simulated market as a raw Binance spot capture: gzip lines ``<receive_ns> <exchange json>``. SYNTHETIC, all of it.

    python benchmarks/render_capture.py OUT.gz [--seconds 60] [--seed 1] [--calm 45]

For machines without recorded data, and for the benchmark's awake figures: the simulated crash wakes detector and strategy. Stamps
are microseconds, as Binance sends them with ``timeUnit=MICROSECOND`` (reference/binance.md sections 2, 3, 14).
"""

import argparse
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flashcrash_core.api import (
    SIMULATED_SYMBOL,
    BestQuote,
    BookDelta,
    BookSnapshot,
    Instrument,
    MarketEvent,
    SimulatedMarket,
    Trade,
    scenario_preset,
)
from flashcrash_core.market.events import Level, Side
from flashcrash_core.simulation.generator import simulated_instrument

__all__ = ["render"]


def render(path: Path, *, seed: int = 1, seconds: float | None = None, **changes: int | float) -> int:
    """Write the market of ``seed`` to ``path``, its first ``seconds`` only if given; returns the number of messages.

    ``changes`` are fields of the scenario, such as ``calm_s`` before the crash.
    """
    instrument = simulated_instrument(SIMULATED_SYMBOL)
    market = SimulatedMarket(scenario_preset("crash_and_bounce", symbol=SIMULATED_SYMBOL, **changes), seed, instrument=instrument)
    count, end_us = 0, None
    with gzip.open(path, "wt", compresslevel=6) as lines:
        for event in market.events():
            if seconds is not None:
                end_us = end_us or event.receive_us + round(seconds * 1e6)
                if event.receive_us >= end_us:
                    break
            lines.write(f"{event.receive_us}000 {json.dumps(_message(event, instrument), separators=(',', ':'))}\n")
            count += 1
    return count


def _message(event: MarketEvent, instrument: Instrument) -> dict[str, Any]:
    match event:
        case BookSnapshot():
            return {
                "lastUpdateId": event.update_id,
                "bids": _levels(event.bids, instrument),
                "asks": _levels(event.asks, instrument),
            }
        case BestQuote():
            data: dict[str, Any] = {
                "u": event.update_id, "s": event.symbol,
                "b": str(instrument.price(event.bid_ticks)), "B": str(instrument.quantity(event.bid_lots)),
                "a": str(instrument.price(event.ask_ticks)), "A": str(instrument.quantity(event.ask_lots)),
            }  # fmt: skip
            return _combined("bookTicker", data)
        case Trade():
            data = {
                "e": "trade", "E": event.exchange_us, "s": event.symbol, "t": event.trade_id,
                "p": str(instrument.price(event.price_ticks)), "q": str(instrument.quantity(event.qty_lots)),
                "T": event.exchange_us, "m": event.aggressor is Side.SELL, "M": True,
            }  # fmt: skip
            return _combined("trade", data)
        case BookDelta():
            data = {
                "e": "depthUpdate", "E": event.exchange_us, "s": event.symbol, "U": event.first_id, "u": event.last_id,
                "b": _levels(event.bids, instrument), "a": _levels(event.asks, instrument),
            }  # fmt: skip
            return _combined("depth@100ms", data)
    raise TypeError(f"the simulated market made a {type(event).__name__}, which this renderer does not know; add it here")


def _combined(stream: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"stream": f"{SIMULATED_SYMBOL.lower()}@{stream}", "data": data}


def _levels(levels: Iterable[Level], instrument: Instrument) -> list[list[str]]:
    return [[str(instrument.price(ticks)), str(instrument.quantity(lots))] for ticks, lots in levels]


def main() -> None:
    """Write one capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", type=int, help="seconds before the crash")
    options = parser.parse_args()
    changes = {} if options.calm is None else {"calm_s": options.calm}
    print(f"{options.out}: {render(options.out, seed=options.seed, seconds=options.seconds, **changes):,} SYNTHETIC messages")


if __name__ == "__main__":
    main()
