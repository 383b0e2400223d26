"""The panel: all indicators of one symbol, evaluated row by row, each contained when it fails.

An indicator must return a tuple of two tuples of floats (finite or NaN) of the declared lengths. One that raises, returns anything
else or takes too long has a missing reading for that row, and so has one whose judgement fails; at its third fault it is
quarantined: never called again, missing from then on, and said so in every report.
"""

from math import isinf, nan
from typing import Any

import msgspec
import numpy as np
from attrs import define, field, frozen

from flashcrash_core.detection.column_window import ColumnWindow
from flashcrash_core.detection.containment import (
    Fault,
    FaultCount,
    Misbehaviour,
    Oversight,
    dispose,
    explain,
    let_interrupt_pass,
    named,
)
from flashcrash_core.detection.indicator import Floats, Indicator, Role, StepIndicator, WindowIndicator
from flashcrash_core.detection.pair_check import PairCheck
from flashcrash_core.market.features import FeatureRow

__all__ = ["Fault", "Pair", "Panel", "PanelEntry"]

Pair = tuple[Floats, Floats]
"""``(statistic, baseline)``."""


@frozen
class PanelEntry:
    """One configured indicator instance: its name in the configuration, its role and its built program."""

    name: str
    plugin: str
    role: Role
    indicator: Indicator
    statistics: tuple[str, ...]
    baselines: tuple[str, ...]
    inactive: str = ""
    """Why it is not run at all in this session (``no_book``); "" if it runs."""
    baseline_from: str | None = None
    """Name of the instance whose baseline this one is judged against (acceleration: volatility)."""
    failed: str = ""
    """Why it could not be built again after a long silence; its ``inactive`` is then ``quarantined``."""


@define
class _Slot:
    entry: PanelEntry
    missing: Pair
    shape: tuple[int, int]
    count: FaultCount = field(factory=FaultCount)


class Panel:
    """Runs the programs. ``pairs[i]`` is the pair of ``entries[i]`` for the last row; ``faults`` collects what went wrong."""

    def __init__(self, entries: tuple[PanelEntry, ...], symbol: str = "", oversight: Oversight | None = None) -> None:
        self.entries = entries
        self.faults: list[Fault] = []
        self.oversight = oversight
        self._symbol = symbol
        self._slots = [
            _Slot(e, ((nan,) * len(e.statistics), (nan,) * len(e.baselines)), (len(e.statistics), len(e.baselines)))
            for e in entries
        ]
        self.pairs: list[Pair] = [slot.missing for slot in self._slots]
        self._check = PairCheck([slot.shape for slot in self._slots])
        self._windows = [
            ColumnWindow(e.indicator.columns, e.indicator.window_rows) if isinstance(e.indicator, WindowIndicator) else None
            for e in entries
        ]
        self._steps = [(index, *self._bind(index, slot)) for index, slot in enumerate(self._slots) if not slot.entry.inactive]

    def _bind(self, index: int, slot: _Slot) -> tuple[Any, Any, Any]:
        indicator = slot.entry.indicator
        if isinstance(indicator, StepIndicator):
            return indicator.step, indicator.state, indicator.params
        return self._run_window, indicator, self._windows[index]

    def _run_window(self, indicator: WindowIndicator, row: FeatureRow, window: ColumnWindow) -> Any:
        rows = window.append(row)
        answer = indicator.window(window.columns(), indicator.params)
        if type(answer) is not tuple or len(answer) != 2:
            dispose(answer)
            raise Misbehaviour("wrong_type", f"returned {named(answer)} instead of a tuple of two sequences of arrays")
        return tuple(tuple(_newest(array, rows) for array in part) for part in answer)

    # -- a row -------------------------------------------------------------------------------------------------------

    def on_row(self, row: FeatureRow) -> None:
        """Evaluate every indicator on ``row``; results are in ``pairs``."""
        if self.oversight is not None:
            self._on_row_overseen(row, self.oversight)
            return
        pairs = self.pairs
        for index, step, state, params in self._steps:
            try:
                pairs[index] = step(state, row, params)
            except BaseException as error:  # a plugin may raise anything; it must not reach the session
                self.contain(index, row.t_us, error, "indicator")
        if not self._check.sound(pairs):
            self._look_closer(row.t_us)

    def _look_closer(self, t_us: int) -> None:
        """Something is wrong, or may be: find out with whom."""
        for index, *_ in self._steps:
            try:
                self._require_sound(index, self.pairs[index])
            except Misbehaviour as error:
                self.contain(index, t_us, error, "indicator")

    def _on_row_overseen(self, row: FeatureRow, oversight: Oversight) -> None:
        """The same with a stopwatch, or with the faults that a journal imposes."""
        for index, step, state, params in self._steps:
            failure: BaseException | None = None
            started_ns = oversight.start()
            try:
                pair = step(state, row, params)
                if late := oversight.late(started_ns):
                    dispose(pair)
                    raise Misbehaviour("overrun", late)
                self._require_sound(index, pair)
                self.pairs[index] = pair
            except BaseException as error:
                let_interrupt_pass(error)
                failure = error
            told = oversight.rows.get((self._symbol, row.t_us, "indicator", self._slots[index].entry.name))
            if told is not None:
                failure = Misbehaviour(told.kind, told.message, told=True)
            if failure is not None:
                self.contain(index, row.t_us, failure, "indicator")

    def _require_sound(self, index: int, pair: Any) -> None:
        """Raise Misbehaviour saying what is wrong. Exact types only: a subclass could lie in any comparison that follows."""
        if type(pair) is not tuple or len(pair) != 2:
            dispose(pair)
            raise Misbehaviour("wrong_type", f"returned {named(pair)} instead of a tuple of two tuples of floats")
        for what, values in zip(("statistic", "baseline"), pair, strict=True):
            if type(values) is not tuple:
                dispose(pair)
                raise Misbehaviour("wrong_type", f"returned {named(values)} as its {what} instead of a tuple of floats")
            for x in values:
                if type(x) is not float:
                    raise Misbehaviour("wrong_type", f"{what} holds {named(x)}; return plain floats, as float(x) makes them")
                if isinf(x):
                    raise Misbehaviour("not_finite", f"{what} {values} is not finite; return NaN for a missing value")
        found = (len(pair[0]), len(pair[1]))
        if found != self._slots[index].shape:
            raise Misbehaviour(
                "wrong_shape",
                f"returned {found[0]} statistics and {found[1]} baselines, declared {self._slots[index].shape}",
            )

    # -- faults ------------------------------------------------------------------------------------------------------

    def contain(self, index: int, t_us: int, error: BaseException, stage: str = "judge", call: str = "") -> None:
        """Book a fault of indicator ``index``, of its program or of its judgement; nothing for one already quarantined.

        ``call`` names the method, "" for the one that the stage stands for. The user's interrupt is raised on.
        """
        let_interrupt_pass(error)
        slot = self._slots[index]
        if slot.count.quarantined:
            return
        self.pairs[index] = slot.missing
        indicator = slot.entry.indicator
        method = "judge" if stage == "judge" else "step" if isinstance(indicator, StepIndicator) else "window"
        kind, message = explain(error, indicator, method)
        if slot.count.add(kind, t_us):
            self._drop(index)
        self.faults.append(Fault(slot.entry.name, t_us, message, slot.count.quarantined, stage, kind, call or method))

    def quarantine(self, index: int, t_us: int, message: str, kind: str) -> None:
        """Stop calling an indicator at once, without waiting for a third fault."""
        slot = self._slots[index]
        if not slot.count.quarantined:
            slot.count.total += 1
            slot.count.quarantined = True
            self._drop(index)
            self.faults.append(Fault(slot.entry.name, t_us, message, True, "indicator", kind, "session"))

    def _drop(self, index: int) -> None:
        self.pairs[index] = self._slots[index].missing
        # A new list: the loop that is running over the old one must not be disturbed.
        self._steps = [step for step in self._steps if step[0] != index]

    def inherit(self, old: "Panel") -> None:
        """Go on with the faults of the panel before a long silence: starting over pardons nobody."""
        for index, (slot, before) in enumerate(zip(self._slots, old._slots, strict=True)):
            slot.count = before.count
            if slot.count.quarantined:
                self._drop(index)

    def faults_of(self, index: int) -> FaultCount:
        """What indicator ``index`` has done wrong so far."""
        return self._slots[index].count

    def missing_reason(self, index: int) -> str:
        """Why an indicator whose value is NaN has none: ``no_book``, ``quarantined``, or ``not_ready``."""
        slot = self._slots[index]
        return slot.entry.inactive or ("quarantined" if slot.count.quarantined else "not_ready")

    # -- snapshot for resume -----------------------------------------------------------------------------------------

    def snapshot(self, t_us: int = 0) -> dict[str, Any] | None:
        """State of all programs as plain data: step programs are lists of floats, window programs their last columns.

        None when a program's state is not plain data: that is a fault of the indicator at ``t_us``.
        """
        states: list[Any] = []
        whole = True
        for index, (entry, slot) in enumerate(zip(self.entries, self._slots, strict=True)):
            state = None
            if isinstance(entry.indicator, StepIndicator) and not slot.count.quarantined:
                try:
                    state = [list(part) for part in entry.indicator.state]
                    msgspec.msgpack.encode(state)
                except BaseException as error:
                    self.contain(index, t_us, error, "indicator", "snapshot")
                    whole = False
            states.append(state)
        if not whole:
            return None
        return {
            "states": states,
            "faults": [slot.count.snapshot() for slot in self._slots],
            "windows": [None if window is None else window.snapshot() for window in self._windows],
            "pairs": [[list(s), list(b)] for s, b in self.pairs],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave, in place."""
        for index, (entry, lists, faults) in enumerate(zip(self.entries, data["states"], data["faults"], strict=True)):
            if isinstance(entry.indicator, StepIndicator) and lists is not None:
                for part, values in zip(entry.indicator.state, lists, strict=True):
                    part[:] = values
            self._slots[index].count.restore(faults)
            if self._slots[index].count.quarantined:
                self._drop(index)
        for window, columns in zip(self._windows, data["windows"], strict=True):
            if window is not None:
                window.restore(columns)
        self.pairs[:] = [(tuple(s), tuple(b)) for s, b in data["pairs"]]


def _newest(array: Any, rows: int) -> float:
    """The last element of a column that a window function returned, as a plain float."""
    if len(array) != rows:
        raise Misbehaviour("wrong_shape", f"returned an array of {len(array)} elements for {rows} rows")
    value = array[-1]
    if not isinstance(value, float | int | np.floating | np.integer) or isinstance(value, bool):
        raise Misbehaviour("wrong_type", f"returned an array that holds {named(value)}; return arrays of floats")
    return float(value)
