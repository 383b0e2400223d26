"""The ``weighted`` scorer: an entry's score from 0 to 100, eight weighted components (reference/microstructure.md section 4).

Six components (and any further indicator that the configuration gives a weight and a map) use the peak-hold of their mapped
reading; ``pattern`` uses the candle patterns' exhaustion; ``liquidity`` the book's depth against the order considered, and is a
hard gate besides. Exhaustion earns pattern points *and* lowers the strategy's threshold by ``relief``: the reference asks for both.
"""

from enum import StrEnum
from math import isnan
from typing import Final

from attrs import field, frozen, validators

from flashcrash_core.api import ConfigError, PluginInfo, Score, ScoreContext, Scorer, ScorerSpec, hookimpl
from flashcrash_scoring.component_map import MapConfig, component_maps, liquidity_strength, pattern_strength
from flashcrash_scoring.peak_hold import peak_hold

__all__ = ["Mode", "WeightedConfig", "WeightedScorer", "flashcrash_plugin", "flashcrash_scorers"]

flashcrash_plugin = PluginInfo(api=1, summary="Weighted entry score from 0 to 100 with peak-hold and a liquidity gate")

PATTERN: Final = "pattern"
LIQUIDITY: Final = "liquidity"
_WEIGHT_SUM: Final = 100.0
_NOTIONAL_MULTIPLE: Final = 10.0
"""The exit side must hold this many times the order (I8)."""


class Mode(StrEnum):
    """What happens to the points of components without data."""

    STRICT = "strict"
    """They earn nothing and the denominator stays 100."""
    RENORMALISE = "renormalise"
    """The rest is scaled up; research only, the score is flagged."""


def _default_weights() -> dict[str, float]:
    return {
        "volatility": 15.0,
        "acceleration": 15.0,
        "imbalance": 15.0,
        "spread": 10.0,
        "volume_delta": 15.0,
        "message_velocity": 10.0,
        PATTERN: 10.0,
        LIQUIDITY: 10.0,
    }


@frozen(kw_only=True)
class WeightedConfig:
    """Settings of the ``weighted`` scorer."""

    mode: Mode = field(default=Mode.STRICT, converter=Mode)
    """``strict``, or ``renormalise`` for research on data without a book."""
    weights: dict[str, float] = field(factory=_default_weights)
    """Points by indicator instance, ``pattern`` and ``liquidity``; they must sum to 100. A weight of 0 leaves one out."""
    maps: dict[str, MapConfig] = field(factory=dict)
    """Changes to the shipped maps by indicator instance; a further indicator that has a weight needs a map of its own."""
    liquidity_gate: bool = True
    """Refuse entries into a book that is too thin, or not there. Off only for research on trades alone."""
    minimum_weight: float = field(default=60.0, validator=[validators.ge(0), validators.le(100)])
    """Least weight with data in mode ``renormalise``; below it the entry is refused (``weight_unavailable``)."""
    required_depth: float = field(default=100_000.0, validator=validators.gt(0))
    """Sufficient notional of the top 20 levels of both sides, quote currency."""
    relief: float = field(default=5.0, validator=[validators.ge(0), validators.le(100)])
    """Points by which selling exhaustion lowers the required score; 0 disables."""
    pattern_from: str = "candle_patterns"
    """Indicator instance that gives ``exhaustion`` and ``climax``."""
    liquidity_from: str = "depth"
    """Indicator instance that gives ``total``, ``exit`` and ``ask_wall``."""
    excellent: float = 85.0
    """Band from here up."""
    good: float = 70.0
    """Band from here up."""
    marginal: float = 50.0
    """Band from here up; below is ``poor``."""

    def __attrs_post_init__(self) -> None:
        maps = component_maps(self.maps)
        problems = [
            f"scorer.weights.{name}: {weight} is negative; use 0 to leave it out"
            for name, weight in self.weights.items()
            if not weight >= 0
        ]
        total = sum(self.weights.values())
        if not abs(total - _WEIGHT_SUM) < 1e-9:
            problems.append(f"scorer.weights: they sum to {total:g}, not 100; change the weights of {', '.join(self.weights)}")
        problems += [
            f"scorer.weights.{name}: has no map; add [scorer.maps.{name}] with x0, xt, x1 and sign"
            for name, weight in self.weights.items()
            if weight > 0 and name not in {PATTERN, LIQUIDITY, *maps}
        ]
        if not 0 <= self.marginal <= self.good <= self.excellent <= _WEIGHT_SUM:
            problems.append("scorer: 0 <= marginal <= good <= excellent <= 100 must hold for the bands")
        if problems:
            raise ConfigError(problems)


class WeightedScorer:
    """Pure: same context, same score."""

    def __init__(self, config: WeightedConfig) -> None:
        self._config = config
        self._weights = [(name, weight) for name, weight in config.weights.items() if weight > 0]
        self._maps = component_maps(config.maps)

    def score(self, context: ScoreContext) -> Score:
        """Score the entry; the docstring of the module says how."""
        config = self._config
        components: dict[str, float] = {}
        missing: list[str] = []
        available = 0.0
        refusal = ""
        for name, weight in self._weights:
            if name == PATTERN:
                strength = self._pattern(context)
            elif name == LIQUIDITY:
                strength = self._liquidity(context)
            else:
                column = context.names.index(name) if name in context.names else -1
                strength = None if column < 0 else peak_hold(context.history, column, context.t_us, self._maps[name])
            if strength is None:
                missing.append(name)
                components[name] = 0.0
            else:
                available += weight
                components[name] = weight * strength
        total = sum(components.values())
        renormalised = config.mode is Mode.RENORMALISE and bool(missing)
        if renormalised:
            if available < config.minimum_weight:
                refusal = "weight_unavailable"
            total = total * _WEIGHT_SUM / available if available else 0.0
        # The gate asks the book itself, so that it holds even where liquidity has no weight.
        if config.liquidity_gate and not self._liquidity(context):
            refusal = LIQUIDITY
        return Score(
            total=total,
            components=components,
            missing=tuple(missing),
            refusal=refusal,
            relief=config.relief if self._exhaustion(context) > 0 else 0.0,
            renormalised=renormalised,
            band=self._band(total),
        )

    def _exhaustion(self, context: ScoreContext) -> float:
        exhaustion = context.statistics.get(self._config.pattern_from, {}).get("exhaustion", 0.0)
        return 0.0 if isnan(exhaustion) else exhaustion

    def _pattern(self, context: ScoreContext) -> float | None:
        statistics = context.statistics.get(self._config.pattern_from, {})
        exhaustion = statistics.get("exhaustion")
        if exhaustion is None or isnan(exhaustion):
            return None
        return pattern_strength(exhaustion, statistics.get("climax", 0.0))

    def _liquidity(self, context: ScoreContext) -> float | None:
        statistics = context.statistics.get(self._config.liquidity_from, {})
        total, exit_depth = statistics.get("total"), statistics.get("exit")
        if total is None or exit_depth is None or isnan(total) or isnan(exit_depth):
            return None
        sufficiency = total / self._config.required_depth
        if context.order_notional > 0:
            sufficiency = min(sufficiency, exit_depth / (_NOTIONAL_MULTIPLE * context.order_notional))
        wall = statistics.get("ask_wall", 0.0)
        return liquidity_strength(sufficiency, context.entry_price < wall <= context.target_price)

    def _band(self, total: float) -> str:
        config = self._config
        if total >= config.excellent:
            return "excellent"
        if total >= config.good:
            return "good"
        return "marginal" if total >= config.marginal else "poor"


def _build(config: WeightedConfig) -> Scorer:
    return WeightedScorer(config)


def _research(config: WeightedConfig) -> tuple[str, ...]:
    """Section 4: without a book only renormalised scores with the gate off can pass the threshold, for research."""
    return ("scorer.mode=renormalise", "scorer.liquidity_gate=false") if config.mode is Mode.STRICT else ()


def _shortfall(config: WeightedConfig, missing: frozenset[str]) -> str:
    """Which points are out of reach in strict mode while the indicator instances ``missing`` cannot be read."""
    sources = {PATTERN: config.pattern_from, LIQUIDITY: config.liquidity_from}
    lost = {name: weight for name, weight in config.weights.items() if weight > 0 and sources.get(name, name) in missing}
    if not lost or config.mode is not Mode.STRICT:
        return ""
    listed = ", ".join(f"{name} {weight:g}" for name, weight in lost.items())
    reachable = f"{_WEIGHT_SUM - sum(lost.values()):g} of {_WEIGHT_SUM:g}"
    return f"Strict scoring counts missing indicators as 0 ({listed}), so no strict score passes {reachable} here"


@hookimpl
def flashcrash_scorers() -> list[ScorerSpec]:
    """The ``weighted`` scorer."""
    return [
        ScorerSpec(
            name="weighted",
            summary=flashcrash_plugin.summary,
            config=WeightedConfig,
            build=_build,
            research=_research,
            shortfall=_shortfall,
        )
    ]
