"""Same context, same score: in any order, in every build and process, with the context left as it was."""

import hashlib
from copy import deepcopy
from typing import Any

from attrs import evolve

from flashcrash_core.detection.scoring import Score, ScoreContext
from flashcrash_core.specs import ScorerSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.observation import Observation, require_no_world, require_same_everywhere
from flashcrash_core.testing.checks.scorer.contexts import built, contexts, ordered
from flashcrash_core.testing.second_process import needs_a_name, watching
from flashcrash_core.testing.subject import Subject

__all__ = [
    "context_not_mutated",
    "determinism_across_builds",
    "determinism_across_processes",
    "no_io_no_clock",
    "same_context_same_score",
]


@check("scorer")
def same_context_same_score(subject: Subject[ScorerSpec]) -> None:
    """A context gets the same score again, whatever was scored in between: the scorer keeps nothing between calls."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        asked = contexts(subject, seed)
        first = [scorer.score(context) for context in asked]
        for index in reversed(range(len(asked))):
            _require_same(
                subject, scorer.score(asked[index]), first[index], f"context {index} (seed {seed}) asked again after others"
            )
        # Backwards from the start: what has grown to its limit on the first way would not show on the second.
        other = built(subject)
        for index in reversed(range(len(asked))):
            _require_same(subject, other.score(asked[index]), first[index], f"context {index} (seed {seed}) asked in reverse order")


@check("scorer")
def determinism_across_builds(subject: Subject[ScorerSpec]) -> None:
    """Two scorers asked in turns give the same scores: nothing is shared between builds."""
    one, other = built(subject), built(subject)
    for seed in subject.effort.seeds:
        for index, context in enumerate(contexts(subject, seed)):
            _require_same(subject, other.score(context), one.score(context), f"context {index} (seed {seed}) in another build")


def scores_digest(subject: Subject[Any]) -> str:
    """A digest over many scores of a fresh scorer."""
    scorer = built(subject)
    scores = [ordered(scorer.score(context)) for context in contexts(subject, subject.effort.seeds[0], count=40)]
    return hashlib.sha256(repr(scores).encode()).hexdigest()


def observe(subject: Subject[Any]) -> Observation:
    """Task of a second process; what is imported late is imported in the first round."""
    digest = scores_digest(subject)
    scorer = built(subject)
    asked = contexts(subject, 1)
    with watching() as seen:
        for context in asked:
            scorer.score(context)
    return {"digest": digest, "seen": seen}


@check("scorer", needs_a_name)
def determinism_across_processes(subject: Subject[ScorerSpec]) -> None:
    """Processes with different hash seeds give the same scores: no order of a set, no address, no unseeded number enters."""
    require_same_everywhere(subject, observe, own_digest=scores_digest(subject))


@check("scorer", needs_a_name)
def no_io_no_clock(subject: Subject[ScorerSpec]) -> None:
    """While it scores it opens nothing, asks no clock and draws no number: the context is all it knows."""
    require_no_world(subject, observe, instead="time is context.t_us, all else comes in through the configuration")


@check("scorer")
def context_not_mutated(subject: Subject[ScorerSpec]) -> None:
    """History and statistics are as before after scoring: others read the same ones."""
    scorer = built(subject)
    for seed in subject.effort.seeds:
        for index, context in enumerate(contexts(subject, seed)):
            given = _as_lists(context)
            before = deepcopy(given)
            scorer.score(given)
            if repr(given) != repr(before):
                raise CheckFailure(
                    f"{subject.label}: changed context {index} (seed {seed}); make a copy before sorting, popping or filling in"
                )


def _as_lists(context: ScoreContext) -> ScoreContext:
    """The history as a list: a tuple would turn a change into an error of another kind."""
    return evolve(context, history=list(context.history), statistics=deepcopy(context.statistics))


def _require_same(subject: Subject[Any], found: Score, wanted: Score, what: str) -> None:
    if ordered(found) != ordered(wanted):
        raise CheckFailure(f"{subject.label}: {what} scores otherwise; keep nothing between calls: {found} instead of {wanted}")
