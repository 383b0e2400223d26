"""One indicator over many rows: its ``step`` driven over columns, compiled where it compiles.

What comes out are the ``(statistic, baseline)`` pairs that the panel would hold after each row. They depend on the market alone, so
they can be kept and judged against any thresholds later.
"""

import typing
from math import nan
from typing import Any, Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flashcrash_core.batch.compiling import Opaque, compiled_in_one, is_of_the_compiler, specialised
from flashcrash_core.batch.rows import RowColumns, row_at, row_object
from flashcrash_core.detection.indicator import StepIndicator
from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.errors import FlashcrashError

__all__ = ["BatchRefused", "Readings"]

_LISTS: Final = {list[float]: np.float64, list[int]: np.int64}


class BatchRefused(FlashcrashError):
    """The batch engine does not do this; the streaming engine does. Says why."""


def step(state: Any, row: Any, params: Any) -> Any:
    """Stands for an indicator's step in :func:`drive`."""
    raise NotImplementedError


def keep_statistic(column: Any, index: int, values: Any) -> None:
    """Stands for :func:`keep_some` or :func:`keep_none` in :func:`drive`."""
    raise NotImplementedError


keep_baseline = keep_statistic


def keep_some(columns: Any, index: int, values: Any) -> None:
    """Store a tuple of floats."""
    for place in range(len(values)):
        columns[place, index] = values[place]


def keep_none(columns: Any, index: int, values: Any) -> None:
    """An empty tuple has no type that could be looked into."""


def drive(state: Any, params: Any, rows: RowColumns, number: int, at: int, statistic: Any, baseline: Any) -> None:
    """Step over the first ``number`` of ``rows``; results are stored from column ``at`` on."""
    for index in range(number):
        pair = step(state, row_at(rows, index), params)
        keep_statistic(statistic, at + index, pair[0])
        keep_baseline(baseline, at + index, pair[1])


@define
class Readings:
    """The pairs of one indicator instance: ``statistic[k, row]`` and ``baseline[k, row]``, NaN where missing.

    ``compiled_step`` says whether machine code runs; an indicator that numba does not take is interpreted, with the same results.
    """

    entry: PanelEntry
    statistic: NDArray[np.float64]
    baseline: NDArray[np.float64]
    compiled_step: bool = field(default=False, init=False)
    _drive: Any = field(default=None, init=False)
    _state: Any = field(default=None, init=False)
    _panel: Panel | None = field(default=None, init=False)

    @classmethod
    def of(cls, entry: PanelEntry, room: int) -> "Readings":
        """Empty columns for ``room`` rows."""
        shape = (len(entry.statistics), room), (len(entry.baselines), room)
        return cls(entry, np.empty(shape[0]), np.empty(shape[1]))

    def start_over(self, entry: PanelEntry) -> None:
        """Go on with a freshly built program: the lane started over, or has just begun."""
        self.entry = entry
        indicator = entry.indicator
        arrays = _arrays_of(indicator) if isinstance(indicator, StepIndicator) else None
        if arrays is None:
            self._interpret()
            return
        self._state, self.compiled_step = arrays, True
        assert isinstance(indicator, StepIndicator)
        template = specialised(
            drive,  # type: ignore[arg-type]
            step=indicator.step,
            keep_statistic=keep_some if entry.statistics else keep_none,
            keep_baseline=keep_some if entry.baselines else keep_none,
        )
        try:
            self._drive = compiled_in_one(template, guarded=True)
        except Opaque:
            self._interpret()

    def _interpret(self) -> None:
        self.compiled_step, self._drive = False, None
        self._panel = Panel((self.entry,), "")

    def remembered(self) -> Any:
        """A copy of what the program remembers; None for one that is interpreted."""
        return None if self._state is None else type(self._state)(*(part.copy() for part in self._state))

    def go_on(self, entry: PanelEntry, remembered: Any) -> None:
        """Set a compiled program back to what it remembered."""
        self.entry = entry
        if self._state is not None and remembered is not None:
            for part, kept in zip(self._state, remembered, strict=True):
                part[:] = kept

    def take(self, rows: RowColumns, number: int, at: int) -> None:
        """Step over the first ``number`` rows. Raises BatchRefused where the panel would have booked a fault."""
        if self.entry.inactive:
            self.statistic[:, at : at + number] = nan
            self.baseline[:, at : at + number] = nan
            return
        if self._drive is not None:
            indicator = self.entry.indicator
            assert isinstance(indicator, StepIndicator)
            try:
                self._drive(self._state, indicator.params, rows, number, at, self.statistic, self.baseline)
            except Exception as error:
                if not is_of_the_compiler(error):
                    raise BatchRefused(f"indicator {self.entry.name} raised {type(error).__name__}: {error}") from error
                # Nothing ran yet: it is the first call that compiles.
                self._interpret()
            else:
                self._require_finite(at, number)
                return
        self._take_interpreted(rows, number, at)

    def _require_finite(self, at: int, number: int) -> None:
        for columns in (self.statistic, self.baseline):
            if np.isinf(columns[:, at : at + number]).any():
                raise BatchRefused(f"indicator {self.entry.name} gave an infinite number")

    def _take_interpreted(self, rows: RowColumns, number: int, at: int) -> None:
        panel = self._panel
        assert panel is not None
        for index in range(number):
            panel.on_row(row_object(rows, index))
            if panel.faults:
                raise BatchRefused(f"indicator {self.entry.name}: {panel.faults[0].error}")
            statistic, baseline = panel.pairs[0]
            self.statistic[:, at + index] = statistic
            self.baseline[:, at + index] = baseline

    def miss_from(self, row: int) -> None:
        """It is missing from ``row`` on. In copies: what was read may be kept at this moment."""
        self.statistic, self.baseline = self.statistic.copy(), self.baseline.copy()
        self.statistic[:, row:] = nan
        self.baseline[:, row:] = nan

    def grow(self, room: int) -> None:
        """Make room for more rows."""
        self.statistic, self.baseline = _grown(self.statistic, room), _grown(self.baseline, room)


def _grown(columns: NDArray[np.float64], room: int) -> NDArray[np.float64]:
    grown = np.full((columns.shape[0], room), nan)
    grown[:, : columns.shape[1]] = columns
    return grown


def _arrays_of(indicator: StepIndicator) -> Any:
    """The state with arrays for its lists; None where its annotations do not say what the lists hold."""
    state = indicator.state
    try:
        hints = typing.get_type_hints(type(state))
    except Exception:  # names that exist for type checkers only
        return None
    kinds = [_LISTS.get(hints.get(name)) for name in getattr(state, "_fields", ())]  # type: ignore[arg-type]
    if not kinds or None in kinds:
        return None
    try:
        return type(state)(*(np.array(part, dtype=kind) for part, kind in zip(state, kinds, strict=True)))
    except (TypeError, ValueError, OverflowError):
        return None
