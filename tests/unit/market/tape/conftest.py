"""Simulated events and tapes made of them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flashcrash_core.api import (
    DataTier,
    Instrument,
    MarketEvent,
    SimulatedMarket,
    Tape,
    TapeMarket,
    open_tape,
    scenario_preset,
    simulated_instrument,
    write_tape,
)

SYMBOL = "SIMUSDT"
SHIFT_US = 86_400_000_000 - 10_000_000
"""Puts the simulated market, which begins at midnight, ten seconds before the next one."""

Write = Callable[..., Tape]


@pytest.fixture(scope="session")
def calm() -> list[MarketEvent]:
    """Twenty calm seconds of a market with book, quotes and trades."""
    return list(SimulatedMarket(scenario_preset("calm", calm_s=20), 1).events())


@pytest.fixture(scope="session")
def over_midnight(calm: list[MarketEvent]) -> list[MarketEvent]:
    """The same, ten seconds before and ten after midnight."""
    return [shifted(event, SHIFT_US) for event in calm]


def shifted(event: MarketEvent, by_us: int) -> MarketEvent:
    """The event at another time."""
    own_us = None if event.exchange_us is None else event.exchange_us + by_us
    return msgspec.structs.replace(event, exchange_us=own_us, receive_us=event.receive_us + by_us)


@pytest.fixture(scope="session")
def move() -> Callable[[MarketEvent, int], MarketEvent]:
    """:func:`shifted`."""
    return shifted


@pytest.fixture(scope="session")
def plain() -> Callable[[Iterable[MarketEvent]], list[Any]]:
    """Events without their numbers, as plain data: levels may come in lists or tuples."""

    def strip(events: Iterable[MarketEvent]) -> list[Any]:
        return [msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(event, seq=0))) for event in events]

    return strip


@pytest.fixture
def market() -> TapeMarket:
    """The simulated market as the writer wants it described."""
    return TapeMarket(simulated_instrument(SYMBOL), has_book=True, data_tier=DataTier.SYNTHETIC, synthetic_book=True)


@pytest.fixture
def write(tmp_path: Path, market: TapeMarket) -> Write:
    """Writes events as the one tape that they make, and opens it."""

    def make(events: Iterable[MarketEvent], place: str = "tapes", **options: Any) -> Tape:
        (published,) = write_tape(tmp_path / place, events, {SYMBOL: market}, **options)
        return open_tape(published.path)

    return make


@pytest.fixture
def instrument() -> Instrument:
    """The simulated grid."""
    return simulated_instrument(SYMBOL)
