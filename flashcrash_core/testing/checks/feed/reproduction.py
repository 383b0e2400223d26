"""The same request gives the same events: again, in another process, and without asking the world for anything but the file."""

from hashlib import blake2b
from typing import Any

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.feed.sources import FeedSubject, events_of, offline, require, sample, shown
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.second_process import in_second_process, needs_a_name, opening, watching

__all__ = ["asks_for_no_clock_and_no_chance", "reproducible", "reproducible_across_processes"]


def offline_and_named(subject: FeedSubject) -> str:
    """``applies`` of the checks that run in a second process."""
    return offline(subject) or needs_a_name(subject)


@check("feed", applies=offline)
def reproducible(subject: FeedSubject) -> None:
    """Opening the same input twice gives the same events to the last field."""
    with sample(subject) as path:
        first, second = events_of(subject, path), events_of(subject, path)
    require(len(first) == len(second), subject, f"gave {len(first)} events, and {len(second)} when opened again")
    for index, (a, b) in enumerate(zip(first, second, strict=True)):
        require(_same(a, b), subject, f"{shown(a, index)} is {shown(b, index)} when opened again; keep nothing between sources")


def _same(a: MarketEvent, b: MarketEvent) -> bool:
    return a == b or repr(a) == repr(b)


def _read(subject: FeedSubject) -> tuple[int, str]:
    """How many events a second reading gives, and their digest; the first brings in what is imported on first use."""
    with sample(subject) as path:
        events_of(subject, path)
        return _digest(events_of(subject, path))


def _digest(events: list[MarketEvent]) -> tuple[int, str]:
    digest = blake2b(digest_size=16)
    for event in events:
        digest.update(repr(event).encode())
    return len(events), digest.hexdigest()


def _read_watched(subject: FeedSubject) -> dict[str, Any]:
    """:func:`_read` in a second process, with what it asked of the world beside reading the file of the request."""
    with sample(subject) as path:
        events_of(subject, path)
        with watching() as seen:
            events = events_of(subject, path)
        allowed = (opening(str(path)), opening(path), "a thread")  # a reading thread is well, if it ends: leaves_nothing_open
        inside = () if path is None or not path.is_dir() else tuple(f"{how}{path}/" for how in ("open('", "open(PosixPath('"))
    return {"read": _digest(events), "seen": [what for what in seen if what not in allowed and not _within(what, inside)]}


def _within(what: str, inside: tuple[str, ...]) -> bool:
    """Whether ``what`` is reading a file in the folder of the request."""
    return bool(inside) and what.startswith(inside) and not what.endswith(", to write)") and "/.." not in what


def _elsewhere(subject: FeedSubject, hash_seed: int) -> dict[str, Any]:
    """What a second process with that hash seed read; started once per subject."""
    answer: dict[str, Any] = once(
        subject, ("read", hash_seed), lambda: in_second_process(subject, _read_watched, hash_seed=hash_seed, watched=True)
    )
    return answer


@check("feed", applies=offline_and_named)
def reproducible_across_processes(subject: FeedSubject) -> None:
    """Processes with different hash seeds read the same events: no order of a set or dict of strings gets into them."""
    here = _read(subject)
    for seed in subject.effort.seeds[:2]:
        there = tuple(_elsewhere(subject, seed)["read"])
        require(
            there == here,
            subject,
            f"a process with hash seed {seed} read other events ({there[0]}, here {here[0]}); sort what comes out of a set",
        )


@check("feed", applies=offline_and_named)
def asks_for_no_clock_and_no_chance(subject: FeedSubject) -> None:
    """Reading opens the request's file, to read it, and asks for nothing else: no other file, clock, unseeded number or socket."""
    asked = _elsewhere(subject, subject.effort.seeds[0])["seen"]
    if asked:
        raise CheckFailure(
            f"{subject.label}: reading asked for {', '.join(asked)}; take times from the data, draw from request.seed, and read "
            "nothing but request.path"
        )
