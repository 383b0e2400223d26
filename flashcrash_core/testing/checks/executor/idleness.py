"""What an executor says it need not see (``ExecutorSpec.idle_blind``): a backtest then shows it nothing while it has no order."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.executor.desk import play
from flashcrash_core.testing.checks.executor.runs import calm_tape
from flashcrash_core.testing.checks.executor.scripts import Spells
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import Tape, tape

__all__ = ["idle_blind_as_declared"]

_CRASH_S: Final = 64


def declares_it(subject: Subject[ExecutorSpec]) -> str:
    """``applies``: "" if it says so, and can be played twice."""
    if subject.spec.modes == {"real"}:
        return "serves real runs only: no backtest sleeps with it"
    return "" if subject.spec.idle_blind else "does not declare idle_blind: a backtest shows it every event"


@check("executor", declares_it)
def idle_blind_as_declared(subject: Subject[ExecutorSpec]) -> None:
    """Shown no event while it has no order and nothing is pending, it sends the notices, fills and fees that it does otherwise."""
    for one in _tapes(subject):
        awake = play(subject, one, Spells())
        if awake.broke:
            continue  # commands_never_raise tells of it
        asleep = play(subject, one, Spells(), asleep_while_idle=True)
        for index, (found, wanted) in enumerate(zip_longest(asleep.log, awake.log)):
            if repr(found) == repr(wanted):
                continue
            again = play(subject, one, Spells())
            if repr(again.log) != repr(awake.log):
                return  # it does not even repeat itself: determinism_across_builds tells of it
            raise CheckFailure(
                f"{asleep.where}: shown no event while it had no order, command or notice {index} is {found or 'missing'}, else "
                f"{wanted or 'missing'}{'; ' + asleep.broke if asleep.broke else ''}; take what you need of the market from the "
                "context when an order comes, or do not declare idle_blind"
            )


def _tapes(subject: Subject[ExecutorSpec]) -> Iterator[Tape]:
    for seed in subject.effort.seeds:
        yield calm_tape(seed)
        yield calm_tape(seed, has_book=False)
        yield tape("v_recovery", seed=seed, seconds=_CRASH_S)
