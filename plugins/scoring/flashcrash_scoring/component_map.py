"""The component map: how strong a reading is, from 0 to 1, piecewise linear (reference/microstructure.md section 4).

0 at ``x0``, 0.6 at the indicator's trigger ``xt``, 1.0 at ``x1`` and beyond. What falls in a crash (acceleration, imbalance, volume
delta) is turned around by ``sign = -1`` first, so that a larger x always means a stronger crash.
"""

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen, validators

from flashcrash_core.api import ConfigError

__all__ = ["AT_TRIGGER", "ComponentMap", "MapConfig", "component_maps", "liquidity_strength", "pattern_strength", "strength"]

AT_TRIGGER: Final = 0.6
"""Strength at the trigger level."""
_X1_PER_XT: Final = 3.0
_PATTERN_STRENGTH: Final = {3: 0.6, 4: 0.8, 5: 1.0}
_FULL_LIQUIDITY: Final = 3.0
_WALL_FACTOR: Final = 0.5


@frozen(kw_only=True)
class MapConfig:
    """Changes to one component's map, in the unit of the indicator's judged value after the sign. What is left out is shipped."""

    x0: float | None = None
    """Strength 0 here and below; without a shipped map 0."""
    xt: float | None = None
    """Strength 0.6 here: the indicator's trigger level."""
    x1: float | None = None
    """Strength 1 here and above; without a shipped value 3 * xt."""
    sign: float | None = field(default=None, validator=validators.optional(validators.in_([1.0, -1.0])))
    """-1 when the indicator's value falls in a crash; without a shipped map 1."""


@frozen
class ComponentMap:
    """One component's map with nothing left open."""

    x0: float
    xt: float
    x1: float
    sign: float = 1.0

    def __call__(self, value: float) -> float:
        """Strength in [0, 1] of a judged value."""
        return strength(self.sign * value, self.x0, self.xt, self.x1)


_SHIPPED: Final[dict[str, MapConfig]] = {
    "volatility": MapConfig(x0=1.0, xt=5.0, x1=10.0),
    "acceleration": MapConfig(x0=0.0, xt=0.0015, sign=-1.0),
    "imbalance": MapConfig(x0=0.2, xt=0.8, x1=0.95, sign=-1.0),
    "spread": MapConfig(x0=1.0, xt=4.0, x1=10.0),
    "volume_delta": MapConfig(x0=0.0, xt=3.0, x1=8.0, sign=-1.0),
    "message_velocity": MapConfig(x0=1.0, xt=3.0, x1=8.0),
}
"""The six mapped components by indicator instance (table of section 4)."""


def component_maps(changes: Mapping[str, MapConfig]) -> dict[str, ComponentMap]:
    """Shipped maps with ``changes`` over them, and maps of further indicators. Raises ConfigError with every fault."""
    problems: list[str] = []
    maps: dict[str, ComponentMap] = {}
    for name in [*_SHIPPED, *(name for name in changes if name not in _SHIPPED)]:
        shipped, change = _SHIPPED.get(name, MapConfig()), changes.get(name, MapConfig())
        x0, xt, x1, sign = (
            getattr(shipped, key) if getattr(change, key) is None else getattr(change, key) for key in ("x0", "xt", "x1", "sign")
        )
        if xt is None:
            problems.append(f"scorer.maps.{name}: xt is missing; give the indicator's trigger level")
            continue
        x0, x1 = 0.0 if x0 is None else x0, _X1_PER_XT * xt if x1 is None else x1
        if not x0 < xt < x1:
            problems.append(
                f"scorer.maps.{name}: x0 < xt < x1 must hold, got x0 = {x0:g}, xt = {xt:g}, x1 = {x1:g}; "
                "for a value that falls in a crash give sign = -1 and positive levels"
            )
        maps[name] = ComponentMap(x0, xt, x1, 1.0 if sign is None else sign)
    if problems:
        raise ConfigError(problems)
    return maps


def strength(x: float, x0: float, xt: float, x1: float) -> float:
    """Strength in [0, 1] of ``x``. The caller keeps NaN out."""
    if x <= x0:
        return 0.0
    if x >= x1:
        return 1.0
    if x <= xt:
        return AT_TRIGGER * ((x - x0) / (xt - x0))
    return AT_TRIGGER + (1.0 - AT_TRIGGER) * ((x - xt) / (x1 - xt))


def pattern_strength(exhaustion: float, climax: float) -> float:
    """Selling exhaustion over n bars: 3 -> 0.6, 4 -> 0.8, 5 -> 1.0; nothing while a buying climax is active."""
    return 0.0 if climax > 0 else _PATTERN_STRENGTH.get(int(exhaustion), 0.0)


def liquidity_strength(sufficiency: float, wall_between: bool) -> float:
    """Sufficiency below 1 -> 0, 1 -> 0.6, 3 and more -> 1.0; halved by a sell wall between entry and target."""
    if sufficiency < 1.0:
        return 0.0
    points = min(1.0, AT_TRIGGER + (1.0 - AT_TRIGGER) * (sufficiency - 1.0) / (_FULL_LIQUIDITY - 1.0))
    return points * _WALL_FACTOR if wall_between else points
