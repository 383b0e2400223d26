"""The stages of a simulated market: how spread, depth and flow differ from the calm in each.

All numbers are multiples of the scenario's calm values (``sell_share`` is a probability). They are chosen, not estimated: in a fall
the bids vanish, the asks pile up, the spread opens to about nine times the calm one and sellers dominate; in a snap-back buyers
lift the offers on a burst of volume and the spread closes to below the tenfold at which entries are paused.
"""

from typing import Final, NamedTuple

from attrs import frozen

__all__ = ["AFTERMATH", "CALM", "DIP", "FALL", "HOLD", "LIFT", "PLATEAU", "RISE", "SLIDE", "SNAP", "Conditions", "Stage"]


@frozen
class Stage:
    """Multiples of the calm. ``bids`` and ``asks`` scale the size of the levels, ``size`` that of an aggressor's order."""

    name: str
    spread: float
    bids: float
    asks: float
    trades: float
    size: float
    sell_share: float
    quotes: float
    latency: float


CALM: Final = Stage("calm", 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0)
FALL: Final = Stage("fall", 8.5, 0.04, 1.5, 11.0, 1.6, 0.92, 4.0, 5.0)
SNAP: Final = Stage("snap", 5.0, 0.35, 0.9, 13.0, 6.5, 0.06, 4.0, 4.0)
HOLD: Final = Stage("hold", 4.6, 0.6, 1.0, 4.0, 1.0, 0.45, 2.5, 2.5)
DIP: Final = Stage("dip", 6.0, 0.3, 1.0, 12.0, 2.5, 0.94, 4.0, 4.0)
LIFT: Final = Stage("lift", 5.0, 0.4, 0.9, 12.0, 3.0, 0.08, 4.0, 4.0)
PLATEAU: Final = Stage("plateau", 4.6, 0.5, 1.0, 4.0, 1.0, 0.45, 2.5, 2.5)
RISE: Final = Stage("rise", 2.0, 0.8, 1.0, 3.5, 1.2, 0.36, 2.0, 2.0)
SLIDE: Final = Stage("slide", 5.0, 0.15, 1.2, 8.0, 1.6, 0.88, 3.0, 3.0)
AFTERMATH: Final = Stage("aftermath", 1.6, 0.8, 1.0, 2.0, 1.0, 0.5, 1.5, 1.5)
"""The beginning of the aftermath; from there everything decays to the calm."""


class Conditions(NamedTuple):
    """What holds during one step, in absolute units."""

    stage: str
    spread_bp: float
    bids: float
    asks: float
    trades: int
    """Aggressor orders in the step."""
    quotes: int
    """Moves of the best quote in the step."""
    notional: float
    """Mean quote notional of an aggressor's order."""
    sell_share: float
    latency_us: float
