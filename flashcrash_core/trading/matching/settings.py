"""Settings of the simulated venue; the defaults are those of reference/microstructure.md section 6."""

from enum import StrEnum
from typing import Any

from attrs import Attribute, field, frozen, validators

from flashcrash_core.errors import ConfigError

__all__ = ["FillModel", "VenueConfig", "fill_model_for", "known_fill_model"]


class FillModel(StrEnum):
    """How a resting order fills; from optimistic to pessimistic: M0, M3, M2, M1."""

    M0 = "M0"
    """Touch: an upper bound, never a headline."""
    M1 = "M1"
    """Trade-through: needs trades only."""
    M2 = "M2"
    """Queue, risk-averse: needs a book."""
    M3 = "M3"
    """Queue, probabilistic: needs a book; sensitivity only."""


def _at_least(other: str) -> Any:
    def check(instance: Any, attribute: "Attribute[float]", value: float) -> None:
        if value < getattr(instance, other):
            raise ValueError(f"{attribute.name} must not be below {other} ({getattr(instance, other)}), got {value}")

    return check


_POSITIVE: Any = validators.gt(0)
_FRACTION: Any = [validators.ge(0), validators.le(1)]
_BPS: Any = [validators.ge(0), validators.lt(10_000)]


@frozen(kw_only=True)
class VenueConfig:
    """Latency (milliseconds), stress and impact of a simulated venue. ``crash`` applies to orders decided outside SLEEP."""

    calm_p50_ms: float = field(default=20.0, validator=_POSITIVE)
    calm_p99_ms: float = field(default=200.0, validator=[_POSITIVE, _at_least("calm_p50_ms")])
    crash_p50_ms: float = field(default=150.0, validator=_POSITIVE)
    crash_p99_ms: float = field(default=2000.0, validator=[_POSITIVE, _at_least("crash_p50_ms")])
    latency_factor: float = field(default=1.0, validator=_POSITIVE)
    """Scales every latency: a profit claim must survive 1 and 2."""
    stress_failure: float = field(default=0.02, validator=_FRACTION)
    """Probability that an order decided outside SLEEP is rejected (3/4) or unanswered but executed (1/4)."""
    unknown_after_ms: float = field(default=1000.0, validator=_POSITIVE)
    """An unanswered order is UNKNOWN this long after its decision."""
    impact_share: float = field(default=0.05, validator=_FRACTION)
    """Own-impact cap: largest share of one second's volume that one order may fill."""
    slippage_bps: float = field(default=0.0, validator=_BPS)
    """Extra cost of every taker fill; never beyond the order's own limit."""
    m3_power: float = field(default=3.0, validator=_POSITIVE)
    """Exponent of M3's queue function: larger puts more of the cancels into the longer part of the queue."""


def known_fill_model(name: str) -> FillModel | None:
    """The named model, None for ``auto``. Raises ConfigError for any other name."""
    if name == "auto":
        return None
    try:
        return FillModel(name)
    except ValueError:
        raise ConfigError(f"fill model {name!r} is not known; use auto, M0, M1, M2 or M3") from None


def fill_model_for(name: str, symbol: str, has_book: bool) -> FillModel:
    """The model for one symbol; ``auto`` is M2 with a book, else M1. Raises ConfigError for a name or data that does not fit."""
    model = known_fill_model(name)
    if model is None:
        return FillModel.M2 if has_book else FillModel.M1
    if model in (FillModel.M2, FillModel.M3) and not has_book:
        raise ConfigError(f"fill model {model} needs an order book and the data of {symbol} has none; use M1 or auto")
    return model
