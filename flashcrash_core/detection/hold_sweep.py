"""The hold sweep that every report shows: the same data under other confirmation times (reference section 3.1).

With ``hold`` = 2 s an ultrafast crash is over before it can be confirmed, so a report that hides the choice of ``hold`` hides
what was missed. Until a detector leaves SLEEP ``hold`` changes nothing; shadow detectors are therefore cloned at that moment and
dropped when all sleep again, so that a sweep costs time awake and nothing asleep.
"""

from typing import Any, Final

import attrs
from attrs import define

from flashcrash_core.detection.detector import Detector, Transition
from flashcrash_core.detection.panel import Pair
from flashcrash_core.detection.settings import State
from flashcrash_core.market.features import GRID_US, FeatureRow

__all__ = ["HOLDS_S", "HoldSweep"]

HOLDS_S: Final = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)


@define
class _Tally:
    """What one hold led to so far; counters only, so that a long run stays small."""

    episodes: int = 0
    active_episodes: int = 0
    active_us: int = 0
    first_active_us: int | None = None
    confirmed: bool = False
    """The current episode has reached ACTIVE."""

    def on_transition(self, t: Transition) -> None:
        """Count it."""
        if t.source is State.SLEEP:
            self.episodes += 1
            self.confirmed = False
        if t.target is State.ACTIVE and not self.confirmed:
            self.confirmed = True
            self.active_episodes += 1
            if self.first_active_us is None:
                self.first_active_us = t.t_us


class HoldSweep:
    """Shadow detectors beside ``main``; feed it the same rows after ``main`` took them."""

    def __init__(self, main: Detector, holds_s: tuple[float, ...] = HOLDS_S) -> None:
        self._main = main
        self._holds_s = holds_s
        self._shadows: list[Detector] = []
        self._tallies = {hold: _Tally() for hold in holds_s}

    def on_row(self, row: FeatureRow, pairs: list[Pair], transitions: list[Transition]) -> None:
        """Take a row with the transitions that ``main`` made in it."""
        if self._shadows:
            for tally, shadow in zip(self._tallies.values(), self._shadows, strict=True):
                if shadow.state is State.ACTIVE:
                    tally.active_us += GRID_US
                for t in shadow.on_row(row, pairs, flat=True):
                    tally.on_transition(t)
            if self._main.state is State.SLEEP and all(s.state is State.SLEEP for s in self._shadows):
                self._shadows = []
        elif transitions and transitions[0].source is State.SLEEP:
            config = self._main.config
            self._shadows = [self._main.shadow(attrs.evolve(config, hold_s=hold)) for hold in self._holds_s]
            for tally in self._tallies.values():
                tally.on_transition(transitions[0])

    @property
    def running(self) -> bool:
        """Shadows live: one of them, or the main detector, is not asleep."""
        return bool(self._shadows)

    def _restored(self, hold_s: float, state: dict[str, Any]) -> Detector:
        shadow = Detector(self._main.symbol, self._main.entries, attrs.evolve(self._main.config, hold_s=hold_s))
        shadow.restore(state)
        return shadow

    def drop(self, index: int) -> None:
        """Indicator ``index`` is quarantined: the shadows must not call it either. Later ones learn it from ``main``."""
        for shadow in self._shadows:
            shadow.judgement.drop(index)

    def restart(self, main: Detector) -> None:
        """The lane started over with a new detector: drop the shadows, keep what was counted."""
        self._main = main
        self._shadows = []

    def result(self) -> list[dict[str, Any]]:
        """One row per hold: episodes, those that reached ACTIVE, seconds ACTIVE, first ACTIVE."""
        return [
            {
                "hold_s": hold,
                "episodes": tally.episodes,
                "active_episodes": tally.active_episodes,
                "active_s": tally.active_us / 1e6,
                "first_active_us": tally.first_active_us,
            }
            for hold, tally in self._tallies.items()
        ]

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "shadows": [s.snapshot() for s in self._shadows],
            "tallies": [attrs.asdict(tally) for tally in self._tallies.values()],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._shadows = [self._restored(hold, state) for hold, state in zip(self._holds_s, data["shadows"], strict=False)]
        self._tallies = {hold: _Tally(**row) for hold, row in zip(self._holds_s, data["tallies"], strict=True)}
