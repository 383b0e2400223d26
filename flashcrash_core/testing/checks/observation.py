"""One watched second process for two checks: what came out there, and what was asked of the world on the way.

Starting a process costs more than most batteries; scorers and strategies ask for determinism and purity of the same work.
"""

from collections.abc import Callable
from typing import Any, Final

from flashcrash_core.testing.battery import QUICK, CheckFailure
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.second_process import in_second_process
from flashcrash_core.testing.subject import Subject

__all__ = ["Observation", "require_no_world", "require_same_everywhere"]

HASH_SEEDS: Final = (1, 4_242)

Observation = dict[str, Any]
"""``digest`` of all that came out, and ``seen``: what was asked of the world while it did. Plain JSON data."""


def _observation(subject: Subject[Any], task: Callable[..., Observation], given: tuple[Any, ...]) -> Observation:
    """What ``task`` observes in a watched process with the first hash seed."""
    return once(subject, task, lambda: _observed(subject, task, given))


def _observed(subject: Subject[Any], task: Callable[..., Observation], given: tuple[Any, ...]) -> Observation:
    observation: Observation = in_second_process(subject, task, *given, hash_seed=HASH_SEEDS[0], watched=True)
    return observation


def require_same_everywhere(subject: Subject[Any], task: Callable[..., Observation], *given: Any, own_digest: str) -> None:
    """Raise CheckFailure unless ``task(subject, *given)`` gives this process's digest in processes with other hash seeds."""
    digests = [_observation(subject, task, given)["digest"]]
    if subject.effort is not QUICK:
        digests += [in_second_process(subject, task, *given, hash_seed=seed)["digest"] for seed in HASH_SEEDS[1:]]
    if {*digests, own_digest} != {own_digest}:
        raise CheckFailure(
            f"{subject.label}: it differs between processes (PYTHONHASHSEED {', '.join(map(str, HASH_SEEDS))}); look for a "
            "loop over a set, id(), hash() of a string, a random number, or state that is kept at module level"
        )


def require_no_world(subject: Subject[Any], task: Callable[..., Observation], *given: Any, instead: str) -> None:
    """Raise CheckFailure when the work asked for a file, a socket, a clock or an unseeded number. ``instead`` says what to use."""
    seen = _observation(subject, task, given)["seen"]
    if seen:
        raise CheckFailure(f"{subject.label}: asks the world while it works: {', '.join(seen)}; {instead}")
