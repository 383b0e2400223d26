"""The same state and the same moments give the same intents: again, in every build and process, saved and restored in between."""

import hashlib
from collections.abc import Sequence
from copy import copy
from typing import Any

import msgspec

from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.observation import Observation, require_no_world, require_same_everywhere
from flashcrash_core.testing.checks.strategy.desk import built
from flashcrash_core.testing.checks.strategy.recording import Call, packed, play, recorded, require_same, shown_again
from flashcrash_core.testing.second_process import needs_a_name, watching
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.strategy import Moment

__all__ = [
    "determinism_across_builds",
    "determinism_across_processes",
    "does_not_keep_the_moment",
    "inputs_not_mutated",
    "no_io_no_clock",
    "same_state_same_intents",
    "snapshot_round_trip",
]

FOLLOWED_CALLS = 400
ASKED_TWICE_EVERY = 5
"""Moments, but always those of a new bar or with intents."""


@check("strategy")
def same_state_same_intents(subject: Subject[StrategySpec]) -> None:
    """Put back to what it was before a moment and shown it again, it intends the same: `decide` is a function of the two."""
    for seed in subject.effort.seeds:
        calls = recorded(subject, seed).calls
        strategy = built(subject)
        for index, call in enumerate(calls):
            if call.method == "decide" and (call.intents != "[]" or call.arguments[0].bar_is_new or not index % ASKED_TWICE_EVERY):
                before = msgspec.msgpack.decode(packed(subject, strategy.snapshot()))
                first = play(strategy, call)
                strategy.restore(before)
                found = play(strategy, call)
                if found != first:
                    raise CheckFailure(
                        f"{subject.label}: restored and shown the same moment again (t_us {call.arguments[0].now_us}, seed {seed}) "
                        f"it intends {found}, before {first}; restore must replace all state, and decide look at nothing else"
                    )
            else:
                play(strategy, call)


@check("strategy")
def does_not_keep_the_moment(subject: Subject[StrategySpec]) -> None:
    """Shown one and the same object with new contents each time, as a session does, it intends what it did with separate ones."""
    for seed in subject.effort.seeds:
        calls = recorded(subject, seed).calls
        strategy = built(subject)
        reused: Moment | None = None
        for call in calls:
            if call.method != "decide":
                play(strategy, call)
                continue
            again = shown_again(call.arguments[0])
            if reused is None:
                reused = again
            for name in Moment.__slots__:
                if not name.startswith("__"):
                    setattr(reused, name, getattr(again, name))
            found = repr(list(strategy.decide(reused)))
            require_same(
                subject, found, call, f"the moment is one object that the kernel reuses (seed {seed}); copy what you need of it"
            )


@check("strategy")
def determinism_across_builds(subject: Subject[StrategySpec]) -> None:
    """Strategies built one after the other, and two shown the same in turns, intend the same: builds share nothing."""
    for seed in subject.effort.seeds:
        calls = recorded(subject, seed).calls
        one, other = built(subject), built(subject)
        for call in calls:
            for strategy in (one, other):
                found = play(strategy, call)
                require_same(
                    subject, found, call, f"two builds shown the same in turns (seed {seed}); keep all state in the object"
                )


def intents_digest(subject: Subject[Any]) -> str:
    """A digest over all intents of a fresh strategy in one market."""
    calls = recorded(subject, subject.effort.seeds[0]).calls
    return hashlib.sha256("\n".join(call.intents for call in calls).encode()).hexdigest()


def observe(subject: Subject[Any]) -> Observation:
    """Task of a second process; what is imported late is imported in the first round."""
    calls = recorded(subject, subject.effort.seeds[0]).calls
    digest = intents_digest(subject)
    strategy = built(subject)
    with watching() as seen:
        for call in calls:
            play(strategy, call)
        strategy.snapshot()
    return {"digest": digest, "seen": seen}


@check("strategy", needs_a_name)
def determinism_across_processes(subject: Subject[StrategySpec]) -> None:
    """Processes with different hash seeds give the same intents: no order of a set, no address, no unseeded number enters."""
    require_same_everywhere(subject, observe, own_digest=intents_digest(subject))


@check("strategy", needs_a_name)
def no_io_no_clock(subject: Subject[StrategySpec]) -> None:
    """While it decides it opens nothing, asks no clock and draws no number: bars and moments are all it knows."""
    require_no_world(subject, observe, instead="time is moment.now_us, all else comes in through the configuration")


@check("strategy")
def inputs_not_mutated(subject: Subject[StrategySpec]) -> None:
    """Moment, positions, orders, readings and intents are after each call as they were before it."""
    for seed in subject.effort.seeds:
        calls = recorded(subject, seed).calls
        strategy = built(subject)
        for call in calls:
            given = (shown_again(call.arguments[0]),) if call.method == "decide" else tuple(map(copy, call.arguments))
            before = [_seen(argument) for argument in given]
            answer = getattr(strategy, call.method)(*given)
            if call.method == "decide":
                list(answer)
            if [_seen(argument) for argument in given] != before:
                raise CheckFailure(
                    f"{subject.label}: {call.method} changed what it was given ({type(given[0]).__name__}, seed {seed}); it is the "
                    "kernel's: copy it before you sort, pop or set"
                )


def _seen(argument: Any) -> str:
    if not isinstance(argument, Moment):
        return repr(argument)
    return repr([getattr(argument, name) for name in Moment.__slots__ if not name.startswith("__")])


@check("strategy")
def snapshot_round_trip(subject: Subject[StrategySpec]) -> None:
    """Saved in the middle of a position, packed, unpacked and restored into a fresh build, it goes on as before."""
    for seed in subject.effort.seeds:
        recording = recorded(subject, seed)
        for made, saved in recording.saved.items():
            fresh = built(subject)
            fresh.restore(msgspec.msgpack.decode(saved))
            followed = recording.calls[made : made + FOLLOWED_CALLS]
            _follow(subject, fresh, followed, f"restored after call {made} (seed {seed}); is something not saved? Then")


def _follow(subject: Subject[StrategySpec], strategy: Any, calls: Sequence[Call], what: str) -> None:
    for call in calls:
        require_same(subject, play(strategy, call), call, what)
