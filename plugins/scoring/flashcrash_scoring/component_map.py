"""The component map: how strong a reading is, from 0 to 1, piecewise linear (reference/microstructure.md section 4).

0 at ``x0``, 0.6 at the indicator's trigger ``xt``, 1.0 at ``x1`` and beyond. What falls in a crash (acceleration, imbalance, volume
delta) is turned around by ``sign = -1`` first, so that a larger x always means a stronger crash.
"""

from collections.abc import Callable
from typing import Final

from attrs import field, frozen, validators

from flashcrash_core.api import ConfigError

__all__ = ["AT_TRIGGER", "DEFAULT_MAPS", "MapConfig", "liquidity_strength", "pattern_strength", "strength", "strength_of"]

AT_TRIGGER: Final = 0.6
"""Strength at the trigger level."""
_X1_PER_XT: Final = 3.0
_PATTERN_STRENGTH: Final = {3: 0.6, 4: 0.8, 5: 1.0}
_FULL_LIQUIDITY: Final = 3.0
_WALL_FACTOR: Final = 0.5


@frozen(kw_only=True)
class MapConfig:
    """One component's map, in the unit of the indicator's judged value after the sign."""

    x0: float = 0.0
    """Strength 0 here and below."""
    xt: float = 1.0
    """Strength 0.6 here: the indicator's trigger level."""
    x1: float | None = None
    """Strength 1 here and above; left out: 3 * xt."""
    sign: float = field(default=1.0, validator=validators.in_([1.0, -1.0]))
    """-1 when the indicator's value falls in a crash."""

    def __attrs_post_init__(self) -> None:
        if not self.x0 < self.xt < self.upper:
            raise ConfigError(
                f"x0 < xt < x1 must hold, got x0 = {self.x0}, xt = {self.xt}, x1 = {self.upper}; "
                "for a value that falls in a crash give sign = -1 and positive levels"
            )

    @property
    def upper(self) -> float:
        """x1, or what it is when left out."""
        return _X1_PER_XT * self.xt if self.x1 is None else self.x1


DEFAULT_MAPS: Final[dict[str, MapConfig]] = {
    "volatility": MapConfig(x0=1.0, xt=5.0, x1=10.0),
    "acceleration": MapConfig(x0=0.0, xt=0.0015, sign=-1.0),
    "imbalance": MapConfig(x0=0.2, xt=0.8, x1=0.95, sign=-1.0),
    "spread": MapConfig(x0=1.0, xt=4.0, x1=10.0),
    "volume_delta": MapConfig(x0=0.0, xt=3.0, x1=8.0, sign=-1.0),
    "message_velocity": MapConfig(x0=1.0, xt=3.0, x1=8.0),
}
"""The six mapped components by indicator instance (table of section 4)."""


def strength(x: float, x0: float, xt: float, x1: float) -> float:
    """Strength in [0, 1] of ``x``. The caller keeps NaN out."""
    if x <= x0:
        return 0.0
    if x >= x1:
        return 1.0
    if x <= xt:
        return AT_TRIGGER * ((x - x0) / (xt - x0))
    return AT_TRIGGER + (1.0 - AT_TRIGGER) * ((x - xt) / (x1 - xt))


def strength_of(config: MapConfig) -> Callable[[float], float]:
    """The map as a function of the judged value."""
    x0, xt, x1, sign = config.x0, config.xt, config.upper, config.sign
    return lambda value: strength(sign * value, x0, xt, x1)


def pattern_strength(exhaustion: float, climax: float) -> float:
    """Selling exhaustion over n bars: 3 -> 0.6, 4 -> 0.8, 5 -> 1.0; nothing while a buying climax is active."""
    return 0.0 if climax > 0 else _PATTERN_STRENGTH.get(int(exhaustion), 0.0)


def liquidity_strength(sufficiency: float, wall_between: bool) -> float:
    """Sufficiency below 1 -> 0, 1 -> 0.6, 3 and more -> 1.0; halved by a sell wall between entry and target."""
    if sufficiency < 1.0:
        return 0.0
    points = min(1.0, AT_TRIGGER + (1.0 - AT_TRIGGER) * (sufficiency - 1.0) / (_FULL_LIQUIDITY - 1.0))
    return points * _WALL_FACTOR if wall_between else points
