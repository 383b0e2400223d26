"""Example tapes for the conformance battery: synthetic throughout, written from the simulated market.

A tape holds one symbol and no lines, so there is none of two symbols and none with a broken line.
"""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from flashcrash_core.api import (
    SIMULATED_SYMBOL,
    BookDelta,
    DataTier,
    MarketEvent,
    SampleWriter,
    SimulatedMarket,
    TapeMarket,
    scenario_preset,
    simulated_instrument,
    write_tape,
)

__all__ = ["tape_samples"]

_SEED: Final = 1
_EVENTS_PER_S: Final = 60
_CUT: Final = "events.receive_us.npy"


def tape_samples() -> Mapping[str, SampleWriter]:
    """Tapes with a book, best quotes and trades."""

    def whole(folder: Path, events: int) -> Path:
        return _write(folder, _market(events))

    def gap(folder: Path, events: int) -> Path:
        market = _market(events)
        updates = [number for number, event in enumerate(market) if isinstance(event, BookDelta)]
        del market[updates[len(updates) // 2]]
        return _write(folder, market)

    def truncated(folder: Path, events: int) -> Path:
        tape = whole(folder, events)
        column = tape / _CUT
        column.write_bytes(column.read_bytes()[:-3])
        return tape

    return {"whole": whole, "gap": gap, "truncated": truncated}


def _market(events: int) -> list[MarketEvent]:
    scenario = scenario_preset("calm", calm_s=2 + events // _EVENTS_PER_S)
    return list(islice(SimulatedMarket(scenario, _SEED).events(), events))


def _write(folder: Path, events: list[MarketEvent]) -> Path:
    instrument = simulated_instrument(SIMULATED_SYMBOL)
    market = TapeMarket(instrument, has_book=True, data_tier=DataTier.SYNTHETIC, synthetic_book=True)
    (published,) = write_tape(folder, events, {SIMULATED_SYMBOL: market})
    return published.path
