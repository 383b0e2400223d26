"""The hold sweep that every report shows: the same data under other confirmation times (reference section 3.1).

With ``hold`` = 2 s an ultrafast crash is over before it can be confirmed, so a report that hides the choice of ``hold`` hides
what was missed. Until a detector leaves SLEEP ``hold`` changes nothing; shadow detectors are therefore cloned at that moment and
dropped when all sleep again, so that a sweep costs time awake and nothing asleep.
"""

from typing import Any, Final

import attrs

from flashcrash_core.detection.detector import Detector, Transition
from flashcrash_core.detection.episodes import EpisodeLog
from flashcrash_core.detection.panel import Pair
from flashcrash_core.detection.settings import State
from flashcrash_core.market.features import GRID_US, FeatureRow

__all__ = ["HOLDS_S", "HoldSweep"]

HOLDS_S: Final = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)


class HoldSweep:
    """Shadow detectors beside ``main``; feed it the same rows after ``main`` took them."""

    def __init__(self, main: Detector, holds_s: tuple[float, ...] = HOLDS_S) -> None:
        self._main = main
        self._holds_s = holds_s
        self._shadows: list[Detector] = []
        self._logs = {hold: EpisodeLog() for hold in holds_s}
        self._active_us = dict.fromkeys(holds_s, 0)

    def on_row(self, row: FeatureRow, pairs: list[Pair], transitions: list[Transition]) -> None:
        """Take a row with the transitions that ``main`` made in it."""
        if self._shadows:
            for hold, shadow in zip(self._holds_s, self._shadows, strict=True):
                if shadow.state is State.ACTIVE:
                    self._active_us[hold] += GRID_US
                for t in shadow.on_row(row, pairs, flat=True):
                    self._logs[hold].on_transition(t)
            if self._main.state is State.SLEEP and all(s.state is State.SLEEP for s in self._shadows):
                self._shadows = []
        elif transitions and transitions[0].source is State.SLEEP:
            state = self._main.snapshot()
            for hold in self._holds_s:
                shadow = Detector(self._main.symbol, self._main.entries, attrs.evolve(self._main.config, hold_s=hold))
                shadow.restore(state)
                self._shadows.append(shadow)
                self._logs[hold].on_transition(transitions[0])

    def restart(self, main: Detector) -> None:
        """The lane started over with a new detector: drop the shadows, keep what was counted."""
        self._main = main
        self._shadows = []

    def result(self) -> list[dict[str, Any]]:
        """One row per hold: episodes, those that reached ACTIVE, seconds ACTIVE, first ACTIVE."""
        rows = []
        for hold in self._holds_s:
            episodes = self._logs[hold].episodes
            confirmed = [e.active_us for e in episodes if e.active_us is not None]
            rows.append(
                {
                    "hold_s": hold,
                    "episodes": len(episodes),
                    "active_episodes": len(confirmed),
                    "active_s": self._active_us[hold] / 1e6,
                    "first_active_us": confirmed[0] if confirmed else None,
                }
            )
        return rows

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "shadows": [s.snapshot() for s in self._shadows],
            "logs": [log.snapshot() for log in self._logs.values()],
            "active_us": list(self._active_us.values()),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._shadows = []
        for hold, state in zip(self._holds_s, data["shadows"], strict=False):
            shadow = Detector(self._main.symbol, self._main.entries, attrs.evolve(self._main.config, hold_s=hold))
            shadow.restore(state)
            self._shadows.append(shadow)
        for log, state in zip(self._logs.values(), data["logs"], strict=True):
            log.restore(state)
        self._active_us = dict(zip(self._holds_s, data["active_us"], strict=True))
