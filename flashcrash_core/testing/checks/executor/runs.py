"""The plays that many checks look at, made once per subject, and which subjects may be played at all."""

from collections.abc import Iterator
from typing import Final

from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import QUICK
from flashcrash_core.testing.checks.executor.desk import Run, play
from flashcrash_core.testing.checks.executor.scripts import Exits, Orders
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import Tape, tape

__all__ = ["CALM_S", "all_runs", "broke_in_the_plays", "calm_tape", "exit_runs", "order_runs", "repeatable", "simulated"]

CALM_S: Final = 30
_TROUBLES: Final = ("empty_book", "gap", "feed_freeze", "single_venue_wick", "bad_print")
_TROUBLE_S: Final = 50
_CRASH_S: Final = 64


def simulated(subject: Subject[ExecutorSpec]) -> str:
    """``applies`` of every check that sends orders: in paper or backtest mode, or to the exchange that the author named."""
    if subject.spec.modes == {"real"} and subject.local_endpoint is None:
        return "serves real runs only: the kit sends it no order unless local_endpoint points it at an exchange on this machine"
    return ""


def repeatable(subject: Subject[ExecutorSpec]) -> str:
    """``applies`` of checks that play the same twice and compare, or look for I/O: an exchange has times of its own."""
    if subject.spec.modes == {"real"}:
        return "serves real runs only: it speaks to an exchange, which answers in its own time"
    return ""


def broke_in_the_plays(subject: Subject[ExecutorSpec]) -> bool:
    """Whether ``commands_never_raise`` has said of a play that it broke, so that other checks need not: one fault, one row."""
    return any(run.broke for run in all_runs(subject))


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
