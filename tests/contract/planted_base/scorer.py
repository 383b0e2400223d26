"""A sound scorer: the newest readings of two indicators, the depth of the book, and a relief after selling exhaustion."""

from math import isnan
from typing import Any

from attrs import field, frozen, validators

from flashcrash_core.api import PluginInfo, Score, ScoreContext, ScorerSpec, hookimpl

__all__ = ["Config", "SoundScorer", "flashcrash_plugin", "flashcrash_scorers", "offer"]

flashcrash_plugin = PluginInfo(api=1, summary="Newest readings and depth, as simply as can be")


@frozen
class Config:
    """Settings."""

    strict: bool = True
    """Refuse entries into a book that is not there."""
    full_at: float = field(default=10.0, validator=validators.gt(0))
    """A reading of this size earns all its points."""


class SoundScorer:
    """Pure: same context, same score. Each step is a method, so that a planted fault can change one."""

    names = ("volatility", "spread")
    points_each = 30.0

    def __init__(self, config: Any) -> None:
        self.config = config

    def score(self, context: ScoreContext) -> Score:
        """30 points for each of two readings and 30 for the depth of the book."""
        readings = {name: self.newest(context, name) for name in self.names}
        components = {name: 0.0 if isnan(x) else self.points_each * self.strength(x) for name, x in readings.items()}
        depth = self.depth(context)
        components["liquidity"] = 30.0 * depth
        return Score(
            total=self.total(context, components),
            components=components,
            missing=tuple(name for name, x in readings.items() if isnan(x)),
            refusal="liquidity" if self.config.strict and not depth else "",
            relief=5.0 if context.statistics.get("candle_patterns", {}).get("exhaustion", 0.0) > 0 else 0.0,
        )

    def newest(self, context: ScoreContext, name: str) -> float:
        """The newest reading, NaN when there is none."""
        if name not in context.names:
            return float("nan")
        column = context.names.index(name)
        return next((values[column] for _, values in reversed(context.history) if not isnan(values[column])), float("nan"))

    def strength(self, reading: float) -> float:
        """0 to 1."""
        return min(1.0, abs(reading) / self.config.full_at)

    def depth(self, context: ScoreContext) -> float:
        """Depth of the book against ten times the order, 0 to 1."""
        total = context.statistics.get("depth", {}).get("total", 0.0)
        return min(1.0, total / (10 * context.order_notional)) if context.order_notional > 0 else 1.0

    def total(self, _context: ScoreContext, components: dict[str, float]) -> float:
        """The sum."""
        return sum(components.values())


def research(config: Any) -> tuple[str, ...]:
    """Without a book no entry passes the strict reading."""
    return ("scorer.strict=false",) if config.strict else ()


def shortfall(_config: Any, missing: frozenset[str]) -> str:
    """Which points are out of reach."""
    lost = sorted(missing & {*SoundScorer.names, "depth"})
    return f"30 points each are lost with {', '.join(lost)}" if lost else ""


def offer(build: Any = SoundScorer, **changes: Any) -> ScorerSpec:
    """The descriptor with changes; ``build`` is a class or function that takes the configuration."""
    settings = {
        "name": "planted", "summary": "A scorer for tests of the checks", "config": Config, "build": build,
        "research": research, "shortfall": shortfall,
    }  # fmt: skip
    return ScorerSpec(**(settings | changes))


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    """The sound one."""
    return [offer()]
