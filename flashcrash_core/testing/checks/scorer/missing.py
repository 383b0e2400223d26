"""What is missing is no error: readings, rows, statistics and whole indicators may be absent, and the order is any order."""

import random
from collections.abc import Set
from math import isclose, nan

from attrs import evolve

from flashcrash_core.detection.scoring import JudgedRow, ScoreContext
from flashcrash_core.specs import ScorerSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.scorer.contexts import built, contexts, score, with_names
from flashcrash_core.testing.subject import Subject

__all__ = [
    "panel_order_does_not_count",
    "survives_missing_readings",
    "survives_missing_statistics",
    "survives_other_panels",
    "survives_senseless_orders",
    "survives_short_history",
]

UNKNOWN = ("zz-unknown-1", "zz-unknown-2")


@check("scorer")
def survives_missing_readings(subject: Subject[ScorerSpec]) -> None:
    """NaN in the history, here and there, in whole rows, in whole columns and everywhere, leaves a total from 0 to 100."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        rng = random.Random(seed)
        for index, context in enumerate(contexts(subject, seed)):
            rows, columns = range(len(context.history)), range(len(context.names))
            lost = rng.choice(columns)
            holes = {
                "a third of the readings NaN": {(row, column) for row in rows for column in columns if rng.random() < 1 / 3},
                "the newest rows NaN": {(row, column) for row in rows[-3:] for column in columns},
                f"{context.names[lost]} NaN": {(row, lost) for row in rows},
                "all readings NaN": {(row, column) for row in rows for column in columns},
            }
            for what, hole in holes.items():
                score(subject, scorer, _with_holes(context, hole), f"context {index} (seed {seed}) with {what}")


def _with_holes(context: ScoreContext, holes: Set[tuple[int, int]]) -> ScoreContext:
    history = tuple(
        JudgedRow(t_us, tuple(nan if (row, column) in holes else value for column, value in enumerate(values)))
        for row, (t_us, values) in enumerate(context.history)
    )
    return evolve(context, history=history)


@check("scorer")
def survives_missing_statistics(subject: Subject[ScorerSpec]) -> None:
    """Statistics may lack single names, an indicator, or everything, and the total is still from 0 to 100."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        for index, context in enumerate(contexts(subject, seed, count=4)):
            where = f"context {index} (seed {seed})"
            score(subject, scorer, evolve(context, statistics={}), f"{where} without statistics")
            score(
                subject, scorer, evolve(context, statistics={name: {} for name in context.names}), f"{where} with empty statistics"
            )
            for absent in context.names:
                statistics = {name: values for name, values in context.statistics.items() if name != absent}
                score(subject, scorer, evolve(context, statistics=statistics), f"{where} without statistics of {absent}")
                for one in context.statistics[absent]:
                    kept = {name: value for name, value in context.statistics[absent].items() if name != one}
                    score(
                        subject, scorer, evolve(context, statistics={**statistics, absent: kept}), f"{where} without {absent}.{one}"
                    )


@check("scorer")
def survives_short_history(subject: Subject[ScorerSpec]) -> None:
    """No row yet, one row, and rows older than anything it looks at: the total is still from 0 to 100."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        for index, context in enumerate(contexts(subject, seed, count=4)):
            where = f"context {index} (seed {seed})"
            for rows in (0, 1, 2):
                short = context.history[len(context.history) - rows :]
                score(subject, scorer, evolve(context, history=short), f"{where} with {rows} rows of history")
            old = evolve(context, t_us=context.t_us + 3_600_000_000)
            score(subject, scorer, old, f"{where} with a history that ended an hour ago")


@check("scorer")
def survives_other_panels(subject: Subject[ScorerSpec]) -> None:
    """Indicators it has never heard of, only those, one alone, or none at all: the total is still from 0 to 100."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        for index, context in enumerate(contexts(subject, seed, count=4)):
            where = f"context {index} (seed {seed})"
            panels = {
                "and two unknown indicators": (UNKNOWN[0], *context.names, UNKNOWN[1]),
                "over unknown indicators only": UNKNOWN,
                f"over {context.names[0]} only": context.names[:1],
                "over no indicator": (),
            }
            for what, names in panels.items():
                score(subject, scorer, with_names(context, names), f"{where} {what}")


@check("scorer")
def panel_order_does_not_count(subject: Subject[ScorerSpec]) -> None:
    """The same indicators in another order give the same total: columns are found by name."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        rng = random.Random(seed)
        for index, context in enumerate(contexts(subject, seed)):
            names = tuple(rng.sample(context.names, len(context.names)))
            plain = score(subject, scorer, context, f"context {index} (seed {seed})").total
            turned = score(subject, scorer, with_names(context, names), f"context {index} (seed {seed}) as {names}").total
            # A sum in another order may differ in its last bits.
            if not isclose(plain, turned, rel_tol=1e-9, abs_tol=1e-9):
                raise CheckFailure(
                    f"{subject.label}: context {index} (seed {seed}) scores {plain} with indicators {context.names} and {turned} "
                    f"with {names}; find the column by context.names.index(name)"
                )


@check("scorer")
def survives_senseless_orders(subject: Subject[ScorerSpec]) -> None:
    """An order of nothing, of everything, with the target at or below the entry, or at a tiny price, gets a total or a refusal."""
    scorer = built(subject)
    orders = ((100.0, 100.6, 0.0), (100.0, 100.6, 1e15), (100.0, 100.0, 3_333.0), (100.0, 90.0, 3_333.0), (1e-8, 2e-8, 10.0))
    for seed in subject.effort.seeds:
        for context in contexts(subject, seed, count=3):
            for entry, target, notional in orders:
                asked = evolve(context, entry_price=entry, target_price=target, order_notional=notional)
                score(subject, scorer, asked, f"an order of {notional:g} from {entry:g} to {target:g} (seed {seed})")
