"""Episodes: from leaving SLEEP to the return to it, with the prices that tell how the detector's timing compares to the fall."""

from math import isnan
from typing import Any, Final

from attrs import asdict, define, field

from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.settings import State

__all__ = ["ActiveSpan", "Episode", "EpisodeLog"]

MAX_EPISODES: Final = 2_000
"""Kept in memory; the oldest are dropped and counted. Storage has every transition."""


@define
class ActiveSpan:
    """One stay in ACTIVE. Prices are row-end prices of the price source, quote currency."""

    start_us: int
    reason: str
    price: float | None
    end_us: int | None = None
    low: float | None = None
    low_us: int | None = None


@define
class Episode:
    """One episode of one symbol. Times in exchange microseconds, None if not reached."""

    symbol: str
    alert_us: int
    active_us: int | None = None
    """First entry into ACTIVE."""
    active_spans: list[list[int | None]] = field(factory=list)
    """``[start, end]`` of every stay in ACTIVE."""
    recovery_us: int | None = None
    """Last entry into RECOVERY."""
    sleep_us: int | None = None
    reason: str = ""
    """Why the episode ended; "" while it lasts."""
    shutdown_us: int | None = None
    """Set when it ended in SHUTDOWN instead of SLEEP."""
    alert_price: float | None = None
    high: float | None = None
    """Highest price of the minute before the alert, or since."""
    low: float | None = None
    low_us: int | None = None
    spans: list[ActiveSpan] = field(factory=list)
    """The stays in ACTIVE with their prices and why each began."""

    @property
    def over(self) -> bool:
        """Back to SLEEP, or shut down."""
        return self.sleep_us is not None or self.shutdown_us is not None


class EpisodeLog:
    """Folds transitions and rows of one symbol into episodes."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []
        self.dropped = 0

    def on_transition(self, t: Transition, price: float, peak: float) -> None:
        """Take the next transition; ``price`` is the row-end price and ``peak`` the drawdown window's highest (NaN unknown)."""
        if t.source is State.SLEEP and t.target is not State.SHUTDOWN:
            self._open(t, price, peak)
        if not self.episodes or self.episodes[-1].over:
            return
        episode = self.episodes[-1]
        if t.source is State.ACTIVE:
            self._leave_active(episode, t.t_us)
        match t.target:
            case State.ACTIVE:
                if episode.active_us is None:
                    episode.active_us = t.t_us
                episode.active_spans.append([t.t_us, None])
                episode.spans.append(ActiveSpan(t.t_us, t.reason, _known(price)))
            case State.RECOVERY:
                episode.recovery_us = t.t_us
            case State.SLEEP:
                episode.sleep_us, episode.reason = t.t_us, t.reason
            case State.SHUTDOWN:
                episode.shutdown_us, episode.reason = t.t_us, t.reason

    def _open(self, t: Transition, price: float, peak: float) -> None:
        if len(self.episodes) >= MAX_EPISODES:
            del self.episodes[0]
            self.dropped += 1
        known = _known(price)
        self.episodes.append(
            Episode(t.symbol, t.t_us, alert_price=known, high=_known(peak) or known, low=known, low_us=t.t_us if known else None)
        )

    @staticmethod
    def _leave_active(episode: Episode, t_us: int) -> None:
        if episode.active_spans and episode.active_spans[-1][1] is None:
            episode.active_spans[-1][1] = t_us
            episode.spans[-1].end_us = t_us

    def on_row(self, t_us: int, low: float, high: float) -> None:
        """Take a row's lowest and highest price (NaN: none) while an episode lasts."""
        if not self.episodes or self.episodes[-1].over:
            return
        episode = self.episodes[-1]
        if not isnan(high) and (episode.high is None or high > episode.high):
            episode.high = high
        if isnan(low):
            return
        if episode.low is None or low < episode.low:
            episode.low, episode.low_us = low, t_us
        if episode.spans and episode.spans[-1].end_us is None:
            span = episode.spans[-1]
            if span.low is None or low < span.low:
                span.low, span.low_us = low, t_us

    def close(self, t_us: int) -> None:
        """The data ended: an open ACTIVE span ends with it; the episode stays open (``sleep_us`` None)."""
        if self.episodes and not self.episodes[-1].over:
            episode = self.episodes[-1]
            self._leave_active(episode, t_us)
            episode.reason = "end_of_data"

    def snapshot(self) -> list[Any]:
        """State as plain data."""
        return [self.dropped, [asdict(episode) for episode in self.episodes]]

    def restore(self, data: list[Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.dropped = data[0]
        self.episodes = [Episode(**{**row, "spans": [ActiveSpan(**span) for span in row["spans"]]}) for row in data[1]]


def _known(price: float) -> float | None:
    return None if isnan(price) else price
