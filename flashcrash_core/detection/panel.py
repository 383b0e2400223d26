"""The panel: all indicators of one symbol, evaluated row by row, each contained when it fails.

An indicator that raises or returns something that is not two tuples of finite-or-NaN floats of the declared lengths gets a
missing reading for that row, and so does one whose judgement fails; at its third fault it is quarantined: missing from then on,
and said so in every report.
"""

from collections import deque
from math import isinf, nan
from typing import Any, Final

import numpy as np
from attrs import define, frozen

from flashcrash_core.detection.indicator import Floats, Indicator, Role, StepIndicator, WindowIndicator
from flashcrash_core.market.features import FeatureRow

__all__ = ["Fault", "Pair", "Panel", "PanelEntry"]

MAX_FAULTS: Final = 3

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


@frozen
class Fault:
    """A contained failure of an indicator."""

    name: str
    t_us: int
    error: str
    quarantined: bool


@define
class _Slot:
    entry: PanelEntry
    missing: Pair
    shape: tuple[int, int]
    faults: int = 0
    quarantined: bool = False


class Panel:
    """Runs the programs. ``pairs[i]`` is the pair of ``entries[i]`` for the last row; ``faults`` collects what went wrong."""

    def __init__(self, entries: tuple[PanelEntry, ...]) -> None:
        self.entries = entries
        self.pairs: list[Pair] = []
        self.faults: list[Fault] = []
        self._slots = [
            _Slot(e, ((nan,) * len(e.statistics), (nan,) * len(e.baselines)), (len(e.statistics), len(e.baselines)))
            for e in entries
        ]
        self.pairs = [slot.missing for slot in self._slots]
        self._rows: deque[FeatureRow] = deque(
            maxlen=max((e.indicator.window_rows for e in entries if isinstance(e.indicator, WindowIndicator)), default=0)
        )
        self._steps = [(index, *self._bind(slot)) for index, slot in enumerate(self._slots) if not slot.entry.inactive]

    def _bind(self, slot: _Slot) -> tuple[Any, Any, Any]:
        indicator = slot.entry.indicator
        if isinstance(indicator, StepIndicator):
            return indicator.step, indicator.state, indicator.params
        return self._run_window, indicator, None

    def _run_window(self, indicator: WindowIndicator, _row: FeatureRow, _params: Any) -> Pair:
        rows = list(self._rows)[-indicator.window_rows :]
        columns = {name: np.array([getattr(row, name) for row in rows]) for name in indicator.columns}
        statistic, baseline = indicator.window(columns, indicator.params)
        return tuple(float(a[-1]) for a in statistic), tuple(float(a[-1]) for a in baseline)

    def on_row(self, row: FeatureRow) -> None:
        """Evaluate every indicator on ``row``; results are in ``pairs``."""
        if self._rows.maxlen:
            self._rows.append(row)
        pairs = self.pairs
        for index, step, state, params in self._steps:
            try:
                pair = step(state, row, params)
                if pair == pairs[index]:
                    continue  # nothing changed since the last row: checked then
                statistic, baseline = pair
                if not (isinstance(pair, tuple) and isinstance(statistic, tuple) and isinstance(baseline, tuple)):
                    raise TypeError("returned something else than a tuple of two tuples")
                for x in statistic:
                    if isinf(x):  # raises for anything but a number
                        raise ValueError(f"statistic {statistic} is not finite")
                for x in baseline:
                    if isinf(x):
                        raise ValueError(f"baseline {baseline} is not finite")
                if (len(statistic), len(baseline)) != self._slots[index].shape:
                    raise ValueError(
                        f"returned {len(statistic)} statistics and {len(baseline)} baselines, declared {self._slots[index].shape}"
                    )
                pairs[index] = pair
            except Exception as error:  # a plugin may raise anything; it must not reach the session
                self.contain(index, row.t_us, error)

    def contain(self, index: int, t_us: int, error: Exception) -> None:
        """Book a fault of indicator ``index``, of its program or of its judgement; nothing for one already quarantined."""
        slot = self._slots[index]
        if slot.quarantined:
            return
        self.pairs[index] = slot.missing
        slot.faults += 1
        if slot.faults >= MAX_FAULTS:
            self._quarantine(index)
        self.faults.append(Fault(slot.entry.name, t_us, f"{type(error).__name__}: {error}", slot.quarantined))

    def _quarantine(self, index: int) -> None:
        slot = self._slots[index]
        slot.quarantined = True
        # A new list: the loop that is running over the old one must not be disturbed.
        self._steps = [step for step in self._steps if step[0] != index]

    def missing_reason(self, index: int) -> str:
        """Why an indicator whose value is NaN has none: ``no_book``, ``quarantined``, or ``not_ready``."""
        slot = self._slots[index]
        return slot.entry.inactive or ("quarantined" if slot.quarantined else "not_ready")

    # -- snapshot for resume -----------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """State of all programs as plain data: step programs are lists of floats, window programs are the row ring."""
        return {
            "states": [
                [list(part) for part in e.indicator.state] if isinstance(e.indicator, StepIndicator) else None for e in self.entries
            ],
            "faults": [[slot.faults, slot.quarantined] for slot in self._slots],
            "rows": [list(row) for row in self._rows],
            "pairs": [[list(s), list(b)] for s, b in self.pairs],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave, in place."""
        for index, (entry, lists, (faults, quarantined)) in enumerate(
            zip(self.entries, data["states"], data["faults"], strict=True)
        ):
            if isinstance(entry.indicator, StepIndicator):
                for part, values in zip(entry.indicator.state, lists, strict=True):
                    part[:] = values
            self._slots[index].faults = faults
            if quarantined:
                self._quarantine(index)
        self._rows.extend(FeatureRow(*row) for row in data["rows"])
        self.pairs[:] = [(tuple(s), tuple(b)) for s, b in data["pairs"]]
