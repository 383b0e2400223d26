"""Connections to the venue, several with the same streams: which to open, which to replace, which to drop.

A connection that lags, hangs, grows old or is about to be shut down is never dropped before its replacement has delivered, so
nothing is missed; one that broke is opened again after a wait that grows. Attempts are bounded well below the venue's limit.
"""

from collections import Counter, deque
from random import Random
from typing import Final

from attrs import define, field

from flashcrash_binance.market_feed.actions import Action, Connect, Disconnect
from flashcrash_binance.market_feed.backoff import URGENT_US, Backoff
from flashcrash_binance.market_feed.link import Link
from flashcrash_binance.market_feed.liveness import StreamLife
from flashcrash_binance.market_feed.settings import FeedSettings

__all__ = ["SHUTDOWN", "Links"]

SHUTDOWN: Final = "shutdown"
"""The reason of a replacement that the venue asked for."""
SILENT: Final = "silent"
MAX_ATTEMPTS: Final = 100
"""In five minutes; the venue bans an address at 300 (reference/binance.md section 2)."""
URGENT_ATTEMPTS: Final = 240
"""The same while a position is open."""
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
_MAX_PATIENCE: Final = 60
"""A market on which nothing happens at all: replacements for silence become as rare as one in ten minutes."""

Place = tuple[int, int]
"""Bundle and place within it."""


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
    _backoffs: dict[Place, Backoff] = field(factory=dict)
    _replace_at_us: dict[Place, int] = field(factory=dict)
    """A replacement failed: the next one not before that."""
    _patience: dict[Place, int] = field(factory=dict)
    """How often in a row a place was silent: each time the next silence may last longer."""

    def start(self, now_us: int) -> None:
        """Open everything."""
        for bundle in range(len(self.bundles)):
            for place in range(self.settings.connections):
                self._open((bundle, place), now_us)

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
        link.beside = [other for other in self.live(link.bundle) if other is not link]
        for other in link.beside:
            other.beside.append(link)
        self.counts["opened"] += 1
        return link

    def on_message(self, link: Link, name: bytes, now_us: int) -> None:
        """A message of one stream came on ``link``."""
        link.messages += 1
        link.heard_us = now_us
        life = link.streams.get(name)
        if life is not None:
            life.heard(now_us)
            for other in link.beside:
                other.streams[name].seen_elsewhere += 1

    def on_close(self, number: int, now_us: int, reason: str) -> Link | None:
        """A connection broke, or could not be opened; it is opened again. None for one that was dropped already."""
        link = self._forget(number)
        if link is None:
            return None
        self.counts["closed" if link.is_open else "failed"] += 1
        self.last_reason = reason
        backoff = self._backoff(link.seat)
        if link.is_open and now_us - link.opened_us >= STEADY_US:
            backoff.succeeded()
        if link.replaced_by is not None and link.replaced_by.number in self.by_number:
            link.replaced_by.replaces = link.replaces  # it takes the place already
            if link.replaces is not None:
                link.replaces.replaced_by = link.replaced_by
            return link
        wait_us = backoff.failed(urgent=self.urgent)
        old = link.replaces
        if old is not None and old.number in self.by_number:
            # The old one still delivers: it is replaced later, and not in a hurry that uses up the attempts.
            old.replaced_by, old.owed, old.leaving = None, old.leaving if old.leaving == SHUTDOWN else "", ""
            self.counts["replacements_failed"] += 1
            self._replace_at_us[link.seat] = now_us + wait_us
            return link
        self._open(link.seat, now_us, now_us + wait_us)
        return link

    def replace(self, link: Link, reason: str, now_us: int) -> None:
        """Open another one in its place, and drop it when that has delivered.

        One at a time, but for connections that the venue is about to end: those do not wait.
        """
        if link.replaced_by is not None or now_us < self._replace_at_us.get(link.seat, 0):
            return
        if reason != SHUTDOWN and (link.replaces is not None or self._replacing(link.bundle)):
            return
        if reason == SILENT:
            self._patience[link.seat] = min(2 * self._patience.get(link.seat, 1), _MAX_PATIENCE)
        link.leaving, link.owed = reason, ""
        self.counts["replaced"] += 1
        self.counts[f"replaced_{reason}"] += 1
        link.replaced_by = self._open(link.seat, now_us)
        link.replaced_by.replaces = link

    def hurry(self, now_us: int) -> None:
        """A position was opened: who waits for long is to be opened soon."""
        for link in list(self.by_number.values()):
            if not link.is_open and link.asked_us > now_us + URGENT_US:
                self._drop(link, "opened sooner: there is a position")
                replacement = self._open(link.seat, now_us, now_us + self._backoff(link.seat).failed(urgent=True))
                replacement.replaces = link.replaces
                if link.replaces is not None:
                    link.replaces.replaced_by = replacement

    def on_time(self, now_us: int) -> None:
        """Look at every connection."""
        for link in list(self.by_number.values()):
            if link.number not in self.by_number:
                continue  # dropped by one before it
            if not link.is_open:
                if now_us - link.asked_us > OPENING_US:
                    self.actions.append(Disconnect(link.number, "it did not open"))
                    self.on_close(link.number, now_us, "it did not open in time")
            elif link.replaces is not None:
                self._take_over(link, now_us)
            elif link.replaced_by is None and (reason := self._why_replace(link, now_us)):
                self.replace(link, reason, now_us)

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

    def _why_replace(self, link: Link, now_us: int) -> str:
        """What is wrong with a connection, empty if nothing is."""
        if link.owed:
            return link.owed
        if now_us - link.opened_us > int(self.settings.rollover_us * (1 - _STAGGER * link.place)):
            return "age"
        if link.beside:
            if any(life.is_dead(now_us) for life in link.streams.values()):
                return "lagging"
            if link.lags(now_us) and not all(other.lags(now_us) for other in link.beside):
                return "lagging"
            if any(life.never_spoke(now_us) and life.seen_elsewhere for life in link.streams.values()):
                return "subscribed_but_silent"
        patience = self._patience.get(link.seat, 1)
        if link.messages:
            self._patience.pop(link.seat, None)
            patience = 1
        if now_us - link.heard_us > link.usual_silence_us * patience:
            return SILENT
        return ""

    def _take_over(self, link: Link, now_us: int) -> None:
        """Drop the old one once its replacement has delivered for long enough that nothing is under way on the old one only."""
        since_us = now_us - link.opened_us
        if since_us >= (OVERLAP_US if link.messages else QUIET_OVERLAP_US):
            old, link.replaces = link.replaces, None
            while old is not None:  # the one that was replaced may itself have been taking over
                if old.number in self.by_number:
                    self._drop(old, f"replaced: {old.leaving}")
                old = old.replaces

    def _replacing(self, bundle: int) -> bool:
        return any(link.replaces is not None for link in self.by_number.values() if link.bundle == bundle)

    def _open(self, seat: Place, now_us: int, not_before_us: int = 0) -> Link:
        attempts, most = self._attempts, URGENT_ATTEMPTS if self.urgent else MAX_ATTEMPTS
        while attempts and attempts[0] <= now_us - _FIVE_MINUTES_US:
            attempts.popleft()
        if len(attempts) >= most:
            not_before_us = max(not_before_us, attempts[-most] + _FIVE_MINUTES_US)
        attempts.append(max(now_us, not_before_us))
        link = Link(self._next_number, *seat, max(now_us, not_before_us))
        self._next_number += 1
        self.by_number[link.number] = link
        group, streams = self.bundles[link.bundle]
        self.actions.append(Connect(link.number, group, streams, not_before_us))
        return link

    def _drop(self, link: Link, reason: str) -> None:
        self._forget(link.number)
        self.actions.append(Disconnect(link.number, reason))

    def _forget(self, number: int) -> Link | None:
        link = self.by_number.pop(number, None)
        if link is not None:
            for other in link.beside:
                other.beside.remove(link)
            link.beside = []
        return link

    def _backoff(self, seat: Place) -> Backoff:
        return self._backoffs.setdefault(seat, Backoff(self.rng))

    def _check(self) -> None:
        """Assert what must hold at any time; for tests."""
        for number, link in self.by_number.items():
            assert link.number == number
            assert set(link.beside) == {other for other in self.live(link.bundle) if other is not link and link.is_open}
            assert link.replaces is None or link.replaces.number not in self.by_number or link.replaces.replaced_by is link
        seats = Counter(link.seat for link in self.by_number.values() if link.replaced_by is None)
        for bundle in range(len(self.bundles)):
            for place in range(self.settings.connections):
                assert seats[bundle, place] >= 1, f"nobody is or will be at {bundle, place}"
