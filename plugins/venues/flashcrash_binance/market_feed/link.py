"""One connection to the venue, as the feed's core sees it: since when it is open, what it heard, how far it is behind."""

from typing import Final

from attrs import define, field

from flashcrash_binance.market_feed.liveness import INTERVALS, SUBSCRIBED_SILENT_US, StreamLife

__all__ = ["LAG_LIMIT_US", "Link"]

LAG_LIMIT_US: Final = 1_000_000
"""A connection whose messages come this much later than the other's is of no use as its second."""
_SMOOTHING: Final = 0.05
_FRESH_US: Final = 5_000_000


@define(eq=False)
class Link:
    """One connection."""

    number: int
    bundle: int
    """Which streams it carries: links of a bundle carry the same."""
    place: int
    """Which of its bundle's connections it is; a replacement takes its place."""
    asked_us: int
    opened_us: int = 0
    messages: int = 0
    copies: int = 0
    """Messages that another connection had brought before."""
    heard_us: int = 0
    lag_us: float = 0.0
    """Smoothed delay behind whoever came first."""
    streams: dict[bytes, StreamLife] = field(factory=dict)
    beside: list["Link"] = field(factory=list)
    """The other open connections of the bundle."""
    replaces: "Link | None" = None
    replaced_by: "Link | None" = None
    leaving: str = ""
    """Why it is to be replaced."""
    owed: str = ""
    """The venue asked for a replacement, which failed: once more for that reason. Other reasons show again by themselves."""

    @property
    def is_open(self) -> bool:
        """It was opened, and has not been closed."""
        return self.opened_us > 0

    @property
    def seat(self) -> tuple[int, int]:
        """Bundle and place."""
        return self.bundle, self.place

    def note_lag(self, lag_us: int) -> None:
        """A message came so much later than its first copy; 0 for one that came first."""
        self.lag_us += _SMOOTHING * (lag_us - self.lag_us)

    def lags(self, now_us: int) -> bool:
        """Whether what it brings comes late."""
        return self.lag_us > LAG_LIMIT_US and now_us - self.heard_us < _FRESH_US

    @property
    def usual_silence_us(self) -> float:
        """How long nothing may come at all, by the rate of its busiest stream."""
        busiest = min((life.interval_us for life in self.streams.values() if life.interval_us), default=0.0)
        return max(SUBSCRIBED_SILENT_US, INTERVALS * busiest)
