"""The descriptor, the configuration class, what ``build`` gives, and the types of a score."""

from inspect import Parameter, signature
from math import isfinite
from typing import Any

from flashcrash_core.detection.scoring import Score
from flashcrash_core.specs import ScorerSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.configuration import require_configuration_schema
from flashcrash_core.testing.checks.scorer.contexts import built, contexts, extreme_contexts, real, score
from flashcrash_core.testing.subject import Subject

__all__ = ["components_and_relief_finite", "configuration_schema", "interface", "score_fields", "total_in_range"]


@check("scorer")
def configuration_schema(subject: Subject[ScorerSpec]) -> None:
    """The configuration class is frozen, typed, and its defaults pass its own validators."""
    require_configuration_schema(subject)


@check("scorer")
def interface(subject: Subject[ScorerSpec]) -> None:
    """The descriptor has a summary, and `build` gives an object whose `score` takes the context and nothing else."""
    if not subject.spec.summary.strip():
        raise CheckFailure(f"{subject.label} has no summary; it is what `plugins list` shows")
    method: Any = getattr(built(subject), "score", None)
    if not callable(method):
        raise CheckFailure(f"{subject.label}: build gave an object without a method `score`")
    wanted = [p for p in signature(method).parameters.values() if p.default is Parameter.empty and p.kind not in _VARIADIC]
    if len(wanted) != 1 or wanted[0].kind is Parameter.KEYWORD_ONLY:
        raise CheckFailure(f"{subject.label}: score{signature(method)} cannot be called as score(context)")


_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _scores(subject: Subject[ScorerSpec]) -> list[Score]:
    scorer = built(subject)
    return [
        score(subject, scorer, context, f"context {index} (seed {seed})")
        for seed in subject.effort.seeds
        for index, context in enumerate(contexts(subject, seed))
    ]


@check("scorer")
def total_in_range(subject: Subject[ScorerSpec]) -> None:
    """The total is a number from 0 to 100, for readings of the usual size and for those from 1e-300 to 1e300."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        for index, context in enumerate(contexts(subject, seed)):
            score(subject, scorer, context, f"context {index} (seed {seed})")
        for index, context in enumerate(extreme_contexts(subject, seed)):
            score(subject, scorer, context, f"extreme context {index} (seed {seed})")


@check("scorer")
def components_and_relief_finite(subject: Subject[ScorerSpec]) -> None:
    """Every component is a finite number under a name, and relief a number from 0 to 100."""
    for given in _scores(subject):
        for name, points in given.components.items():
            if not (isinstance(name, str) and real(points) and isfinite(points)):
                raise CheckFailure(f"{subject.label}: component {name!r} is {points!r}; give 0.0 and name it in `missing`")
        if not (real(given.relief) and 0 <= given.relief <= 100):
            raise CheckFailure(f"{subject.label}: relief is {given.relief!r}; points by which the threshold falls, 0 for none")


@check("scorer")
def score_fields(subject: Subject[ScorerSpec]) -> None:
    """Refusal and band are text, `missing` is a tuple of names, `renormalised` a bool: reports and hashes rely on it."""
    for given in _scores(subject):
        fields = {
            "refusal": isinstance(given.refusal, str),
            "band": isinstance(given.band, str),
            "missing": isinstance(given.missing, tuple) and all(isinstance(name, str) for name in given.missing),
            "renormalised": isinstance(given.renormalised, bool),
        }
        for name, good in fields.items():
            if not good:
                raise CheckFailure(
                    f'{subject.label}: {name} is {getattr(given, name)!r}; `refusal` and `band` are text ("" for none), '
                    "`missing` a tuple of names, `renormalised` a bool"
                )
