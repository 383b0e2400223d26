"""The plays that many checks look at, made once per subject, and which subjects may be played at all."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import QUICK
from flashcrash_core.testing.checks.executor.desk import Run, play
from flashcrash_core.testing.checks.executor.scripts import Exits, Orders
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import Tape, tape

__all__ = ["CALM_S", "all_runs", "calm_tape", "exit_runs", "once", "order_runs", "simulated"]

T = TypeVar("T")

CALM_S: Final = 30
_TROUBLES: Final = ("empty_book", "gap", "feed_freeze", "single_venue_wick", "bad_print")
_TROUBLE_S: Final = 50
_CRASH_S: Final = 64
_kept: dict[tuple[int, str], tuple[Subject[ExecutorSpec], Any]] = {}
"""Of the newest subject only; the subject is kept so that its id cannot be another's."""


def simulated(subject: Subject[ExecutorSpec]) -> str:
    """``applies`` of every check that sends orders: never to an executor that could reach a real venue."""
    if "real" in subject.spec.modes:
        return "may serve real runs: the kit sends no order to an executor that could reach a venue"
    return ""


def calm_tape(seed: int = 1, *, has_book: bool = True) -> Tape:
    """30 s of calm."""
    return tape("calm", seed=seed, seconds=CALM_S, has_book=has_book)


def order_runs(subject: Subject[ExecutorSpec]) -> list[Run]:
    """Every type of order on calm tapes and through a fall, with a book and without."""

    def tapes() -> Iterator[Tape]:
        for seed in subject.effort.seeds:
            yield calm_tape(seed)
            yield calm_tape(seed, has_book=False)
            yield tape("v_recovery", seed=seed, seconds=_CRASH_S)
            if subject.effort is not QUICK:
                yield tape("v_recovery", seed=seed, seconds=_CRASH_S, has_book=False)

    return once(subject, "orders", lambda: [play(subject, one, Orders()) for one in tapes()])


def exit_runs(subject: Subject[ExecutorSpec]) -> list[Run]:
    """Reduce-only orders in every condition that the tapes know: no bids, no book, a lost book, a standing feed, a wick, a fall."""

    def runs() -> Iterator[Run]:
        for name in _TROUBLES:
            yield play(subject, tape(name, seconds=_TROUBLE_S), Exits())
        yield play(subject, tape("feed_freeze", seconds=_TROUBLE_S, has_book=False), Exits())
        yield play(subject, tape("v_recovery", seconds=_CRASH_S), Exits(stressed=True))

    return once(subject, "exits", lambda: list(runs()))


def all_runs(subject: Subject[ExecutorSpec]) -> list[Run]:
    """Both."""
    return [*order_runs(subject), *exit_runs(subject)]


def once(subject: Subject[ExecutorSpec], what: str, make: Callable[[], T]) -> T:
    """What ``make`` gives, kept under that name while checks are about this subject."""
    key = (id(subject), what)
    if key not in _kept:
        for other in [other for other in _kept if other[0] != id(subject)]:
            del _kept[other]
        _kept[key] = (subject, make())
    made: T = _kept[key][1]
    return made
