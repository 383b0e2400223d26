"""What a scorer may use: memory that does not grow with the number of scores, and a fair share of the time of an entry."""

from collections.abc import Callable
from itertools import count, islice

from flashcrash_core.specs import ScorerSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.calibration import cost_in_reference_steps
from flashcrash_core.testing.checks.memory import require_bounded_memory
from flashcrash_core.testing.checks.scorer.contexts import built, contexts
from flashcrash_core.testing.subject import Subject

__all__ = ["memory_growth", "time_budget"]

CALLS_PER_MEMORY_ROW = 0.1
"""A scorer is asked about considered entries, once a second at most: a tenth as often as a row is made."""
FULL_HISTORY_ROWS = 101
"""What the kernel keeps."""
MAX_REFERENCE_STEPS = 5_000
"""About 5 ms a score: fifty times the shipped one, and still within what an entry takes to reach a venue."""


@check("scorer")
def memory_growth(subject: Subject[ScorerSpec]) -> None:
    """Memory stays where it is, however many entries are scored."""
    asked = contexts(subject, 1, rows=3)

    def begin() -> Callable[[int], None]:
        scorer, numbers = built(subject), count()

        def score(calls: int) -> None:
            for number in islice(numbers, calls):
                scorer.score(asked[number % len(asked)])

        return score

    require_bounded_memory(
        subject,
        begin,
        int(subject.effort.memory_rows * CALLS_PER_MEMORY_ROW),
        unit="scores",
        advice="keep nothing",
        period=len(asked),
    )


@check("scorer")
def time_budget(subject: Subject[ScorerSpec]) -> None:
    """A score over a full history costs no more than a few milliseconds, measured in steps of a reference loop on this machine."""
    scorer = built(subject)
    asked = contexts(subject, 1, rows=FULL_HISTORY_ROWS)

    def run() -> int:
        for context in asked:
            scorer.score(context)
        return len(asked)

    steps = cost_in_reference_steps(run)
    if steps > MAX_REFERENCE_STEPS:
        raise CheckFailure(
            f"{subject.label}: a score over {FULL_HISTORY_ROWS} rows costs {steps:.0f} reference steps, allowed are "
            f"{MAX_REFERENCE_STEPS}; go over the history once"
        )
