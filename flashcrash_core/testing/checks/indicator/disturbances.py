"""Events that come late, twice, out of order or at one time: whatever rows they make, the readings stay legal and come back."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from math import isnan
from types import MappingProxyType
from typing import Final

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.values import judged_values
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import Tape, disturbances, feature_rows, tape

__all__ = ["delayed_events", "duplicated_events", "reordered_events", "same_timestamp_events"]

LATE_SHARE = 0.9
TWICE_SHARE = 0.5
_HOW: Final[Mapping[str, Callable[..., tuple[MarketEvent, ...]]]] = MappingProxyType(
    {
        "delayed": partial(disturbances.delayed, share=LATE_SHARE),
        "duplicated": partial(disturbances.duplicated, share=TWICE_SHARE),
        "reordered": disturbances.reordered,
        "same_timestamp": disturbances.same_timestamps,
    }
)
_KEPT: Final = 16
"""Disturbed tapes: all of the standard effort. More seeds are made anew for each subject."""


@check("indicator")
def delayed_events(subject: Subject[IndicatorSpec]) -> None:
    """Most events arrive late, half of these too late to count, and that does no harm."""
    _survives(subject, "delayed")


@check("indicator")
def duplicated_events(subject: Subject[IndicatorSpec]) -> None:
    """Half of the events arrive twice, and that does no harm."""
    _survives(subject, "duplicated")


@check("indicator")
def reordered_events(subject: Subject[IndicatorSpec]) -> None:
    """Events that arrive out of order, inside the tolerance and beyond it, do no harm."""
    _survives(subject, "reordered")


@check("indicator")
def same_timestamp_events(subject: Subject[IndicatorSpec]) -> None:
    """Bursts of events that bear one exchange time do no harm."""
    _survives(subject, "same_timestamp")


def _survives(subject: Subject[IndicatorSpec], how: str) -> None:
    for seed in subject.effort.seeds:
        for name in ("calm", "crash_and_bounce"):
            where = f"tape {name} with {how} events, seed {seed}"
            try:
                values = judged_values(subject, _rows(how, name, seed))
            except CheckFailure as failure:
                raise CheckFailure(f"{failure} ({where})") from failure
            if name == "calm" and isnan(values[-1]) and _ready_early(subject, tape(name, seed=seed)):
                raise CheckFailure(f"{subject.label}: no reading at the end, undisturbed there is one ({where})")


@lru_cache(maxsize=_KEPT)
def _rows(how: str, name: str, seed: int) -> tuple[FeatureRow, ...]:
    """The rows that the disturbed tape makes: not the subject's, and making them costs more than running it on them."""
    source = tape(name, seed=seed)
    return tuple(feature_rows(_HOW[how](source.events, seed), source.instrument, has_book=True))


def _ready_early(subject: Subject[IndicatorSpec], source: Tape) -> bool:
    """Whether the undisturbed program reads by the middle of the tape: one that counts volume needs longer when events are lost."""
    values = judged_values(subject, source.rows())
    return not isnan(values[len(values) // 2]) and not isnan(values[-1])
