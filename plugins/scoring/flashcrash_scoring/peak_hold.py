"""Peak-hold: a reading counts at its strongest for 2 s and fades to nothing at 10 s (reference/microstructure.md section 4).

The strategy enters on a *bullish* second, when acceleration and volume delta have just turned; scoring that instant alone would
zero 30 of 100 points by construction.
"""

from collections.abc import Callable, Sequence
from math import isnan
from typing import Final

from flashcrash_core.api import JudgedRow

__all__ = ["DECAYED_AFTER_S", "FULL_UNTIL_S", "hold_weight", "peak_hold"]

FULL_UNTIL_S: Final = 2.0
DECAYED_AFTER_S: Final = 10.0


def hold_weight(age_s: float) -> float:
    """Weight of a reading of that age: 1 up to 2 s, then (10 - age) / 8, 0 from 10 s on."""
    if age_s <= FULL_UNTIL_S:
        return 1.0
    if age_s >= DECAYED_AFTER_S:
        return 0.0
    return (DECAYED_AFTER_S - age_s) / (DECAYED_AFTER_S - FULL_UNTIL_S)


def peak_hold(history: Sequence[JudgedRow], index: int, now_us: int, strength: Callable[[float], float]) -> float | None:
    """Maximum over ages 0 to 10 s of ``strength(value) * hold_weight(age)`` of column ``index``; None without any reading.

    ``history`` is oldest first. Rows newer than ``now_us`` are not looked at.
    """
    best: float | None = None
    for t_us, values in reversed(history):
        age_s = (now_us - t_us) / 1e6
        if age_s < 0:
            continue
        if age_s > DECAYED_AFTER_S:
            break
        value = values[index]
        if isnan(value):
            continue
        weight = hold_weight(age_s)
        if best is not None and weight <= best:
            break  # strength is at most 1 and the weight only falls: nothing older can win
        held = strength(value) * weight
        if best is None or held > best:
            best = held
    return best
