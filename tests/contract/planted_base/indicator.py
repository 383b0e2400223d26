"""A sound indicator: the fall over the last 30 s, against the mean absolute move. Planted faults change one thing of it.

``offering(...)`` is the hook implementation of a plugin that differs from the base in what is named; the window form of the same
idea is ``offering(build=window_build)``.
"""

from collections.abc import Callable
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from attrs import field, frozen, validators

from flashcrash_core.api import (
    BuildContext,
    FeatureRow,
    Floats,
    IndicatorSpec,
    PluginInfo,
    StepIndicator,
    WindowIndicator,
    hookimpl,
)

ROWS = 300

PLUGIN = PluginInfo(api=1, summary="a sound base for planted faults")
flashcrash_plugin = PLUGIN


@frozen(kw_only=True)
class Config:
    """Levels of the base."""

    trigger: float = field(default=-5.0, validator=validators.le(0))
    release: float = field(default=-3.0, validator=validators.le(0))


class Levels(NamedTuple):
    """Of :func:`judge`."""

    trigger: float
    release: float


class State(NamedTuple):
    """A ring of the prices of the last rows, the mean absolute move, and ``at``: the slot and the number of rows so far."""

    prices: list[float]
    mean_move: list[float]
    at: list[int]


def new_state() -> State:
    """Before the first row."""
    return State([nan] * ROWS, [0.0], [0, 0])


def step(state: State, row: FeatureRow, _params: Any) -> tuple[Floats, Floats]:
    """``(fall,), (mean absolute move,)``; missing until the ring is full and while the book is unusable."""
    price = row.price if row.book_usable and 0.0 < row.price < inf else nan
    slot, seen = state.at[0], state.at[1]
    oldest, newest = state.prices[slot], state.prices[slot - 1]
    state.prices[slot] = price
    state.at[0] = (slot + 1) % ROWS
    state.at[1] = min(seen + 1, ROWS)
    move = abs(price / newest - 1.0)
    if move == move:
        state.mean_move[0] += 0.02 * (move - state.mean_move[0])
    if seen < ROWS or price != price or oldest != oldest:
        return (nan,), (nan,)
    return (price / oldest - 1.0,), (state.mean_move[0],)


def judge(statistic: Floats, baseline: Floats, levels: Levels, was_fired: bool) -> tuple[float, bool]:
    """The fall in mean moves."""
    if not baseline[0] > 0.0 or statistic[0] != statistic[0]:
        return nan, False
    value = statistic[0] / baseline[0]
    return value, value <= (levels.release if was_fired else levels.trigger)


def step_build(config: Config, _context: BuildContext, **changes: Any) -> StepIndicator:
    """The program."""
    parts: dict[str, Any] = {"step": step, "state": new_state(), "params": None, "judge": judge}
    return StepIndicator(**parts | {"levels": Levels(config.trigger, config.release)} | changes)


def window(columns: Any, _params: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The fall over the window, with a steady baseline; each row from its own past only."""
    price = np.where(columns["book_usable"] == 1, columns["price"], np.nan)
    fall = np.full(len(price), np.nan)
    fall[ROWS:] = price[ROWS:] / price[:-ROWS] - 1.0
    return (fall,), (np.where(np.isnan(fall), np.nan, 1e-4),)


def window_build(config: Config, _context: BuildContext, **changes: Any) -> WindowIndicator:
    """The same idea over columns."""
    parts: dict[str, Any] = {"window": window, "columns": ("price", "book_usable"), "window_rows": ROWS + 1, "judge": judge}
    return WindowIndicator(**parts | {"levels": Levels(config.trigger, config.release)} | changes)


def offering(*, build: Callable[..., Any] = step_build, program: dict[str, Any] | None = None, **spec: Any) -> Any:
    """A hook implementation: ``program`` changes what ``build`` makes, ``spec`` the descriptor."""
    given: dict[str, Any] = {
        "name": "planted",
        "summary": "fall over 30 s in mean moves",
        "config": Config,
        "build": lambda config, context: build(config, context, **(program or {})),
        "statistics": ("fall",),
        "baselines": ("mean_move",),
        "needs": frozenset({"book", "trades"}),
        "warmup_s": 30.0,
        "invariances": frozenset({"scale", "time_shift"}),
    }

    @hookimpl
    def flashcrash_indicators() -> list[IndicatorSpec]:
        return [IndicatorSpec(**given | spec)]

    return flashcrash_indicators


flashcrash_indicators = offering()
