"""Connections to the venue, several with the same streams: which to open, which to replace, which to drop.

A connection that lags, hangs, grows old or is about to be shut down is never dropped before its replacement has delivered, so
nothing is missed; one that broke is opened again after a wait that grows. Attempts are bounded well below the venue's limit.
"""

from collections import Counter, deque
from random import Random
from typing import Final

from attrs import define, field

from flashcrash_binance.market_feed.actions import Action, Connect, Disconnect
from flashcrash_binance.market_feed.backoff import Backoff
from flashcrash_binance.market_feed.liveness import StreamLife
from flashcrash_binance.market_feed.settings import FeedSettings

__all__ = ["SHUTDOWN", "Link", "Links"]

SHUTDOWN: Final = "shutdown"
"""The reason of a replacement that the venue asked for."""
MAX_ATTEMPTS: Final = 100
"""In five minutes; the venue bans an address at 300 (reference/binance.md section 2)."""
_FIVE_MINUTES_US: Final = 300_000_000
OPENING_US: Final = 10_000_000
"""A connection that is not open after this is given up."""
OVERLAP_US: Final = 1_000_000
"""Both deliver for so long: what the old one had under way arrives."""
QUIET_OVERLAP_US: Final = 30_000_000
"""The same on a market on which nothing happens."""
STEADY_US: Final = 5_000_000
"""A connection that held this long has proven that connecting works: waits begin anew."""
_STAGGER: Final = 0.05
"""The age limit of each further connection is this share lower: they are never all old at once."""


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
    heard_us: int = 0
    streams: dict[bytes, StreamLife] = field(factory=dict)
    replaces: "Link | None" = None
    replaced_by: "Link | None" = None
    leaving: str = ""
    """Why it is to be replaced."""

    @property
    def is_open(self) -> bool:
        """It was opened, and has not been closed."""
        return self.opened_us > 0


@define(eq=False)
class Links:
    """All connections. ``bundles`` holds group and streams of each set that travels together."""

    bundles: list[tuple[str, tuple[str, ...]]]
    settings: FeedSettings
    rng: Random
    actions: deque[Action]
    by_number: dict[int, Link] = field(factory=dict)
    counts: Counter[str] = field(factory=Counter)
    """``opened``, ``closed``, ``replaced``, ``failed`` and why connections were replaced."""
    urgent: bool = False
    """A position is open."""
    last_reason: str = ""
    _next_number: int = 1
    _attempts: deque[int] = field(factory=deque)
    _backoffs: dict[tuple[int, int], Backoff] = field(factory=dict)

    def start(self, now_us: int) -> None:
        """Open everything."""
        for bundle in range(len(self.bundles)):
            for place in range(self.settings.connections):
                self._open(bundle, place, now_us)

    def live(self, bundle: int) -> list[Link]:
        """Open connections with these streams."""
        return [link for link in self.by_number.values() if link.bundle == bundle and link.is_open]

    def on_open(self, number: int, now_us: int) -> Link | None:
        """A connection is open; None for one that was dropped meanwhile."""
        link = self.by_number.get(number)
        if link is None:
            return None
        link.opened_us = link.heard_us = now_us
        link.streams = {name.encode(): StreamLife(now_us) for name in self.bundles[link.bundle][1]}
        self.counts["opened"] += 1
        return link

    def on_message(self, link: Link, name: bytes, now_us: int) -> None:
        """A message of one stream came on ``link``."""
        link.messages += 1
        link.heard_us = now_us
        life = link.streams.get(name)
        if life is not None:
            life.heard(now_us)
            for other in self.by_number.values():
                if other is not link and other.bundle == link.bundle and (beside := other.streams.get(name)) is not None:
                    beside.seen_elsewhere += 1

    def on_close(self, number: int, now_us: int, reason: str) -> Link | None:
        """A connection broke, or could not be opened; it is opened again. None for one that was dropped already."""
        link = self.by_number.pop(number, None)
        if link is None:
            return None
        self.counts["closed" if link.is_open else "failed"] += 1
        self.last_reason = reason
        backoff = self._backoff(link)
        if link.is_open and now_us - link.opened_us >= STEADY_US:
            backoff.succeeded()
        if link.replaced_by is not None and link.replaced_by.number in self.by_number:
            link.replaced_by.replaces = None  # it takes the place already
            return link
        if link.replaces is not None and link.replaces.number in self.by_number:
            link.replaces.replaced_by = None  # the old one still delivers: try again later
            link.replaces.leaving = ""
            self.counts["replacements_failed"] += 1
            backoff.failed(urgent=self.urgent)
            return link
        wait_us = backoff.failed(urgent=self.urgent)
        self._open(link.bundle, link.place, now_us, now_us + wait_us)
        return link

    def replace(self, link: Link, reason: str, now_us: int) -> None:
        """Open another one in its place, and drop it when that has delivered.

        One at a time, but for connections that the venue is about to end: those do not wait.
        """
        if link.replaced_by is not None or (reason != SHUTDOWN and (link.replaces is not None or self._replacing(link.bundle))):
            return
        link.leaving = reason
        self.counts["replaced"] += 1
        self.counts[f"replaced_{reason}"] += 1
        link.replaced_by = self._open(link.bundle, link.place, now_us)
        link.replaced_by.replaces = link

    def on_time(self, now_us: int) -> None:
        """Look at every connection."""
        for link in list(self.by_number.values()):
            if not link.is_open:
                if now_us - link.asked_us > OPENING_US:
                    self._drop(link, "it did not open")
                    self.by_number[link.number] = link  # taken out again as one that broke
                    self.on_close(link.number, now_us, "it did not open in time")
                continue
            if link.replaces is not None:
                self._take_over(link, now_us)
                continue
            limit_us = int(self.settings.rollover_us * (1 - _STAGGER * link.place))
            if now_us - link.opened_us > limit_us:
                self.replace(link, "age", now_us)
            elif any(life.is_dead(now_us) for life in link.streams.values()):
                self.replace(link, "lagging", now_us)
            elif any(life.never_spoke(now_us) and life.seen_elsewhere for life in link.streams.values()):
                self.replace(link, "subscribed_but_silent", now_us)
            elif now_us - link.heard_us > OPENING_US:
                self.replace(link, "silent", now_us)

    def silent_streams(self, now_us: int) -> list[str]:
        """Streams that no connection has heard anything of since it opened: subscribed but silent."""
        silent = []
        for bundle, (_, streams) in enumerate(self.bundles):
            live = self.live(bundle)
            for name in streams:
                lives = [link.streams[name.encode()] for link in live]
                if lives and all(life.never_spoke(now_us) for life in lives):
                    silent.append(name)
        return silent

    # -- within ------------------------------------------------------------------------------------------------------

    def _take_over(self, link: Link, now_us: int) -> None:
        """Drop the old one once its replacement has delivered for long enough that nothing is under way on the old one only."""
        since_us = now_us - link.opened_us
        if since_us >= (OVERLAP_US if link.messages else QUIET_OVERLAP_US):
            old, link.replaces = link.replaces, None
            if old is not None and old.number in self.by_number:
                self._drop(old, f"replaced: {old.leaving}")

    def _replacing(self, bundle: int) -> bool:
        return any(link.replaces is not None for link in self.by_number.values() if link.bundle == bundle)

    def _open(self, bundle: int, place: int, now_us: int, not_before_us: int = 0) -> Link:
        attempts = self._attempts
        while attempts and attempts[0] <= now_us - _FIVE_MINUTES_US:
            attempts.popleft()
        if len(attempts) >= MAX_ATTEMPTS:
            not_before_us = max(not_before_us, attempts[-MAX_ATTEMPTS] + _FIVE_MINUTES_US)
        attempts.append(max(now_us, not_before_us))
        link = Link(self._next_number, bundle, place, max(now_us, not_before_us))
        self._next_number += 1
        self.by_number[link.number] = link
        group, streams = self.bundles[bundle]
        self.actions.append(Connect(link.number, group, streams, not_before_us))
        return link

    def _drop(self, link: Link, reason: str) -> None:
        self.by_number.pop(link.number, None)
        self.actions.append(Disconnect(link.number, reason))

    def _backoff(self, link: Link) -> Backoff:
        return self._backoffs.setdefault((link.bundle, link.place), Backoff(self.rng))
