"""The markets that the indicator pages show, all synthetic: the crash tape for every indicator, and one more for two of them.

Depth does not collapse on the crash tape and its candles make no pattern, so those two have a scene of their own besides: a wick on
which the book empties, and candles that were made to show the patterns.
"""

from functools import lru_cache
from typing import Final

from attrs import frozen

from flashcrash_core.api import FeatureRow, Instrument, simulated_instrument
from flashcrash_core.testing.rows import EPOCH_US, make_rows
from flashcrash_core.testing.tapes import tape

__all__ = ["CANDLES", "CRASH", "WICK", "Candle", "Scene", "scene", "scenes_of"]

CRASH: Final = "crash_and_bounce"
WICK: Final = "single_venue_wick"
CANDLES: Final = "candles"
SEED: Final = 1

Candle = tuple[float, float, float, float, float]
"""Open, high, low, close and traded notional of one second."""

_BEFORE_US: Final = {CRASH: 20_000_000, WICK: 5_000_000, CANDLES: 8_000_000}
"""How much calm is shown before something happens."""
_AFTER_WICK_US: Final = 10_000_000
_CALM_CANDLES: Final = _BEFORE_US[CANDLES] // 1_000_000
_MADE: Final[tuple[Candle, ...]] = (
    (100.00, 100.02, 98.98, 99.20, 40_000.0),
    (99.20, 99.21, 98.18, 98.50, 38_000.0),
    (98.50, 98.52, 97.62, 98.00, 36_000.0),
    (98.00, 98.01, 97.24, 97.66, 33_000.0),
    (97.66, 97.67, 96.94, 97.41, 30_000.0),
    (97.41, 97.60, 97.38, 97.55, 12_000.0),
    (97.55, 97.92, 97.50, 97.90, 20_000.0),
    (97.90, 98.36, 97.88, 98.33, 22_000.0),
    (98.33, 99.10, 98.31, 98.78, 52_000.0),
    (98.78, 98.85, 98.60, 98.64, 15_000.0),
    (98.64, 98.72, 98.55, 98.70, 12_000.0),
    (98.70, 98.76, 98.58, 98.62, 11_000.0),
    (98.62, 98.70, 98.54, 98.66, 10_000.0),
)
"""Five falling candles whose lower wicks grow while their bodies shrink, a pause, three rising ones with a climax, calm."""


@frozen(kw_only=True)
class Scene:
    """Rows to drive the indicators with, and the part of them that is drawn."""

    key: str
    title: str
    rows: tuple[FeatureRow, ...]
    instrument: Instrument
    zero_us: int
    """Where something begins; plots count seconds from here."""
    zero: str
    """What begins there, in words."""
    until_us: int
    low_us: int | None = None
    candles: tuple[Candle, ...] = ()
    """The one-second bars that are drawn instead of a price line, the first at ``from_us``."""

    @property
    def from_us(self) -> int:
        """Where the drawing begins."""
        return self.zero_us - _BEFORE_US[self.key]


def scenes_of(indicator: str) -> tuple[str, ...]:
    """The scenes of an indicator's page."""
    return (CRASH, *{"depth": (WICK,), "candle_patterns": (CANDLES,)}.get(indicator, ()))


@lru_cache(maxsize=3)
def scene(key: str) -> Scene:
    """A scene by its key."""
    return _candle_scene() if key == CANDLES else _tape_scene(key)


def _tape_scene(key: str) -> Scene:
    source = tape(key, seed=SEED)
    facts = source.facts
    assert facts.fall_us is not None
    return Scene(
        key=key,
        title=f'SYNTHETIC market: tape "{key}", seed {SEED}',
        rows=source.rows(),
        instrument=source.instrument,
        zero_us=facts.fall_us,
        zero="the fall",
        until_us=facts.end_us if key == CRASH else facts.fall_us + _AFTER_WICK_US,
        low_us=facts.trough_us,
    )


def _candle_scene() -> Scene:
    calm: tuple[Candle, ...] = tuple(
        (100.0, 100.06, 99.94, 100.02 if k % 2 else 99.98, 10_000.0 + 500.0 * (k % 3)) for k in range(_CALM_CANDLES)
    )
    candles = calm + _MADE
    return Scene(
        key=CANDLES,
        title="SYNTHETIC candles, made by hand to show both patterns",
        rows=tuple(make_rows([candle[3] for candle in candles], bars=candles)),
        instrument=simulated_instrument("SIMUSDT"),
        zero_us=EPOCH_US + _CALM_CANDLES * 1_000_000,
        zero="the first falling candle",
        until_us=EPOCH_US + len(candles) * 1_000_000,
        candles=candles,
    )
