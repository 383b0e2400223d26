"""Exit rules 2 to 8 (reference/microstructure.md section 5.4): small pure functions, asked in order, the first that fires wins.

Rule 1, SHUTDOWN and risk flatten, is the kernel's. Rules 6 and 7, the resting target and its decay, are orders and not signals:
``levels`` prices them and ``percentile`` places them. All prices in ticks; ``price`` is what one could sell at now, the best bid.
"""

from collections.abc import Callable
from math import isnan
from typing import Any, Final

from attrs import asdict, define, field

from flashcrash_core.api import Bar, Moment, Position
from flashcrash_strategies.config import PercentileConfig

__all__ = [
    "EXIT_RULES",
    "ExitView",
    "Note",
    "bearish_or_gapped",
    "buying_climax",
    "climax_active",
    "first_exit",
    "hard_stop",
    "max_hold",
    "negative_gap",
    "track_trailing_stop",
    "trailing_stop",
]


@define
class Note:
    """What the strategy remembers about one position; plain data."""

    decided_us: int
    low_ticks: int
    high_ticks: int
    """The range that entry and target are fractions of; both 0 when unknown: the target is then the break-even price."""
    exit_fraction: float
    target_ticks: int
    taker_entry: bool = False
    filled: bool = False
    high_water_ticks: int = 0
    stop_ticks: float = 0.0
    """Trailing stop, 0 until armed; it only rises."""
    pending_exit: str = ""
    """Reason of an exit under way; it stays until the position is flat."""
    decay_fraction: float = 0.0
    """How far ``exit_fraction`` falls in all (rule 7)."""
    repriced_us: int = 0
    cancelled_us: dict[str, int] = field(factory=dict)
    """When a cancel was asked for, by client id."""

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return asdict(self)


def bearish_or_gapped(bar: Bar, previous_close_ticks: int, gap_pct: float, body_pct: float) -> bool:
    """Rule 3's sign in a bar: it opens more than ``gap_pct`` below the close before it (0: unknown), or its body falls further
    than ``body_pct`` of its open."""
    if previous_close_ticks and (previous_close_ticks - bar.open_ticks) * 100 > gap_pct * previous_close_ticks:
        return True
    return bar.close_ticks < bar.open_ticks and (bar.open_ticks - bar.close_ticks) * 100 > body_pct * bar.open_ticks


def climax_active(moment: Moment, pattern_from: str) -> bool:
    """A buying climax is valid now (the indicator keeps it for 3 s). Missing is no climax."""
    statistics = moment.statistics.get(pattern_from)
    return statistics is not None and statistics.get("climax", 0.0) > 0


def hard_stop(position: Position, price: int, config: PercentileConfig) -> bool:
    """Rule 2: the price has fallen ``stop_loss_pct`` below the average entry price."""
    return (position.bought_units - price * position.bought_lots) * 100 >= config.stop_loss_pct * position.bought_units


def negative_gap(position: Position, bad_bar_end_us: int) -> bool:
    """Rule 3: a bar with rule 3's sign ended after the first fill.

    Read to the letter: the bar in which the entry filled counts too, and it often closes bearish, because the price had to fall to
    fill it.
    So this rule ends most positions.
    """
    return bad_bar_end_us > position.opened_us


def buying_climax(position: Position, price: int, climax: bool) -> bool:
    """Rule 4: a climax while the price is above the average entry price (fees not counted: the signal is about direction)."""
    return climax and price * position.bought_lots > position.bought_units


def track_trailing_stop(note: Note, entry_ticks: float, price: int, mean_range: float, config: PercentileConfig) -> None:
    """Raise the high-water mark and, once half the way to the target was made, the stop below it. Neither ever falls."""
    note.high_water_ticks = max(note.high_water_ticks, price)
    distance = note.target_ticks - entry_ticks
    if isnan(mean_range) or (not note.stop_ticks and note.high_water_ticks - entry_ticks < config.trailing_arm_fraction * distance):
        return
    note.stop_ticks = max(note.stop_ticks, note.high_water_ticks - config.trailing_atr_multiple * mean_range)


def trailing_stop(note: Note, price: int) -> bool:
    """Rule 5: armed, and the price is at or below the stop."""
    return note.stop_ticks > 0 and price <= note.stop_ticks


def max_hold(position: Position, now_us: int, config: PercentileConfig) -> bool:
    """Rule 8: held for ``max_hold_s`` since the first fill."""
    return now_us - position.opened_us >= config.max_hold_s * 1e6


@define
class ExitView:
    """Everything a rule may look at. One per evaluation."""

    position: Position
    note: Note
    price: int
    now_us: int
    bad_bar_end_us: int
    climax: bool


EXIT_RULES: Final[tuple[tuple[str, Callable[[ExitView, PercentileConfig], bool]], ...]] = (
    ("hard_stop", lambda v, c: c.hard_stop and hard_stop(v.position, v.price, c)),
    ("negative_gap", lambda v, c: c.negative_gap and negative_gap(v.position, v.bad_bar_end_us)),
    ("buying_climax", lambda v, c: c.buying_climax and buying_climax(v.position, v.price, v.climax)),
    ("trailing_stop", lambda v, c: c.trailing_stop and trailing_stop(v.note, v.price)),
    ("max_hold", lambda v, c: c.max_hold and max_hold(v.position, v.now_us, c)),
)
"""Reason and test, in the reference's order; each begins with its switch."""


def first_exit(view: ExitView, config: PercentileConfig) -> str:
    """Reason of the first rule that fires, "" if none does."""
    for reason, fires in EXIT_RULES:
        if fires(view, config):
            return reason
    return ""
