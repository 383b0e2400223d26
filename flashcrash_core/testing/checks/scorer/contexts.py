"""Contexts to score: seeded, over the indicators that are loaded, as the kernel makes them, and what a score must be."""

import random
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from attrs import evolve

from flashcrash_core.detection.scoring import JudgedRow, Score, ScoreContext, Scorer
from flashcrash_core.specs import ScorerSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.rows import EPOCH_US
from flashcrash_core.testing.subject import Subject

__all__ = ["HISTORY_ROWS", "built", "contexts", "extreme_contexts", "ordered", "real", "score", "with_names"]

HISTORY_ROWS: Final = 24
"""Rows of a context: 9.6 s of them. The kernel keeps 101, one per 100 ms."""
_SPACING_US: Final = 400_000
_MODERATE: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 9.0)
_AMOUNTS: Final = (0.0, 1.0, 3.0, 5.0, 40_000.0, 300_000.0)
_EXTREME: Final = (0.0, 1e-300, 1e-9, 1.0, 1e9, 1e300)


def built(subject: Subject[ScorerSpec]) -> Scorer:
    """A fresh scorer."""
    return subject.spec.build(subject.config)


def contexts(subject: Subject[ScorerSpec], seed: int, *, count: int = 12, rows: int = HISTORY_ROWS) -> list[ScoreContext]:
    """Contexts over every loaded indicator, with values of the size that indicators give and nothing missing."""
    return _contexts(subject, random.Random(seed), count, rows, _MODERATE, _AMOUNTS)


def extreme_contexts(subject: Subject[ScorerSpec], seed: int, *, count: int = 12) -> list[ScoreContext]:
    """Contexts with values from 1e-300 to 1e300 of either sign: finite, and no worse than a thin market can give."""
    return _contexts(subject, random.Random(seed), count, HISTORY_ROWS, _EXTREME, _EXTREME)


def _contexts(
    subject: Subject[ScorerSpec],
    rng: random.Random,
    count: int,
    rows: int,
    values: Sequence[float],
    amounts: Sequence[float],
) -> list[ScoreContext]:
    specs = [subject.registry.indicators[name] for name in subject.registry.indicators]
    names = tuple(spec.name for spec in specs)
    made = []
    for _ in range(count):
        t_us = EPOCH_US + rng.randrange(3_600) * 1_000_000
        history = tuple(
            JudgedRow(t_us - age * _SPACING_US, tuple(rng.choice((1.0, -1.0)) * rng.choice(values) for _ in names))
            for age in reversed(range(rows))
        )
        statistics = {spec.name: {name: rng.choice(amounts) for name in spec.statistics} for spec in specs}
        entry = round(rng.uniform(90.0, 110.0), 2)
        notional = round(10 ** rng.uniform(1.0, 5.0), 2)
        made.append(ScoreContext(t_us, names, history, statistics, entry, round(entry * 1.006, 2), notional))
    return made


def with_names(context: ScoreContext, names: tuple[str, ...]) -> ScoreContext:
    """The same context with the columns ``names``, in that order; readings of a name that it does not have are 1."""
    index = {name: position for position, name in enumerate(context.names)}
    columns = [index.get(name, -1) for name in names]
    history = tuple(JudgedRow(t, tuple(1.0 if i < 0 else row[i] for i in columns)) for t, row in context.history)
    statistics = {**context.statistics, **{name: {"value": 1.0} for name in names if name not in index}}
    return evolve(context, names=names, history=history, statistics=statistics)


def score(subject: Subject[ScorerSpec], scorer: Scorer, context: ScoreContext, what: str) -> Score:
    """The score of ``context``. Raises CheckFailure unless it is a Score with a total from 0 to 100; ``what`` is the situation."""
    try:
        given: Any = scorer.score(context)
    except Exception as error:
        raise CheckFailure(
            f"{subject.label}: {what}: score raised {type(error).__name__}: {error}; missing data is no error"
        ) from error
    if not isinstance(given, Score):
        raise CheckFailure(f"{subject.label}: {what}: score gave a {type(given).__name__}, not a Score")
    if not (real(given.total) and isfinite(given.total) and 0 <= given.total <= 100):
        raise CheckFailure(f"{subject.label}: {what}: total is {given.total!r}; it must be a number from 0 to 100")
    return given


def real(value: object) -> bool:
    """A plain number: no bool, no array, no text."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def ordered(given: Score) -> tuple[Any, ...]:
    """A score as text that tells floats apart to the bit; the order of mappings does not count."""
    parts: list[Mapping[str, Any]] = [given.components, given.notes]
    plain = (given.total, given.missing, given.refusal, given.relief, given.renormalised, given.band)
    return repr(plain), *(repr(sorted((str(key), repr(value)) for key, value in part.items())) for part in parts)
