"""Episodes: from leaving SLEEP to the return to it, as reports show them."""

from typing import Any

from attrs import asdict, define, field

from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.settings import State

__all__ = ["Episode", "EpisodeLog"]


@define
class Episode:
    """One episode of one symbol. Times in exchange microseconds, None if not reached."""

    symbol: str
    alert_us: int
    active_us: int | None = None
    """First entry into ACTIVE."""
    active_spans: list[list[int | None]] = field(factory=list)
    recovery_us: int | None = None
    """Last entry into RECOVERY."""
    sleep_us: int | None = None
    reason: str = ""
    """Why the episode ended; "" while it lasts."""


class EpisodeLog:
    """Folds transitions of one symbol into episodes."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def on_transition(self, t: Transition) -> None:
        """Take the next transition."""
        if t.source is State.SLEEP and t.target is not State.SHUTDOWN:
            self.episodes.append(Episode(t.symbol, t.t_us))
        if not self.episodes or self.episodes[-1].sleep_us is not None:
            return
        episode = self.episodes[-1]
        if t.source is State.ACTIVE and episode.active_spans and episode.active_spans[-1][1] is None:
            episode.active_spans[-1][1] = t.t_us
        match t.target:
            case State.ACTIVE:
                episode.active_us = episode.active_us or t.t_us
                episode.active_spans.append([t.t_us, None])
            case State.RECOVERY:
                episode.recovery_us = t.t_us
            case State.SLEEP | State.SHUTDOWN:
                episode.sleep_us = t.t_us
                episode.reason = t.reason

    def close(self, t_us: int) -> None:
        """The data ended: an open ACTIVE span ends with it; the episode stays open (``sleep_us`` None)."""
        if self.episodes and self.episodes[-1].active_spans and self.episodes[-1].active_spans[-1][1] is None:
            self.episodes[-1].active_spans[-1][1] = t_us
            self.episodes[-1].reason = self.episodes[-1].reason or "end_of_data"

    def snapshot(self) -> list[dict[str, Any]]:
        """State as plain data."""
        return [asdict(episode) for episode in self.episodes]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.episodes = [Episode(**row) for row in data]
