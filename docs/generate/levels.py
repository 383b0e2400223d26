"""Which lines each plot has: name and unit of the judged value, its trigger and its release, taken from the default settings."""

from typing import Any, Final, Literal

from attrs import frozen

__all__ = ["Line", "Lines", "lines_of"]

Scale = Literal["linear", "log", "symlog"]


@frozen
class Line:
    """A level of the judged value, with the words for the legend."""

    value: float
    label: str


@frozen
class Lines:
    """How the judged value of an indicator is drawn."""

    value: str
    """Axis label: what the value is, and its unit."""
    trigger: Line | None
    """None where the series has a moving one."""
    release: Line | None = None
    """None without hysteresis."""
    scale: Scale = "linear"
    linear_to: float = 1.0
    """Where a symlog axis turns from linear to logarithmic."""
    plain: float | None = None
    """What the value is when nothing happens; drawn as a thin line."""
    stairs: bool = False
    """Whether it changes with new bars only."""


_VALUES: Final[dict[str, tuple[str, str, Scale, float, float | None]]] = {
    "volatility": ("sigma / baseline (ratio)", "above", "log", 1.0, 1.0),
    "acceleration": ("acceleration (log return / s²)", "at or below", "linear", 1.0, 0.0),
    "imbalance": ("(bids - asks) / (bids + asks)", "at or below", "linear", 1.0, 0.0),
    "spread": ("spread / baseline (ratio)", "above", "linear", 1.0, 1.0),
    "volume_delta": ("Z (robust sigmas)", "at or below", "symlog", 10.0, 0.0),
    "message_velocity": ("largest rate / baseline (ratio)", "above", "log", 1.0, 1.0),
    "candle_patterns": ("length of the pattern (candles)", "from", "linear", 1.0, 0.0),
    "depth": ("depth / baseline (ratio)", "below", "linear", 1.0, 1.0),
}
"""Axis label, on which side of the trigger it fires, scale, its linear part, what is usual."""

_BY_BAR: Final = {"volatility", "acceleration", "candle_patterns"}


def lines_of(name: str, config: Any) -> Lines:
    """The lines of an indicator under ``config``."""
    label, side, scale, linear_to, plain = _VALUES[name]
    stairs = name in _BY_BAR
    if name == "acceleration":
        return Lines(label, None, None, scale, linear_to, plain, stairs)
    if name == "candle_patterns":
        return Lines(label, Line(3, "shortest pattern: 3"), None, scale, linear_to, plain, stairs)
    trigger = Line(config.trigger, f"fires {side} {config.trigger:g}")
    release = None
    if config.release != config.trigger:
        release = Line(config.release, f"released at {config.release:g}")
    return Lines(label, trigger, release, scale, linear_to, plain, stairs)
