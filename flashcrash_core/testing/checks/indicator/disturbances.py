"""Events that come late, twice, out of order or at one time: whatever rows they make, the readings stay legal and come back."""

from collections.abc import Callable
from functools import partial
from math import isnan

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.values import judged_values
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import Tape, disturbances, feature_rows, tape

__all__ = ["delayed_events", "duplicated_events", "reordered_events", "same_timestamp_events"]

LATE_SHARE = 0.9
TWICE_SHARE = 0.5


@check("indicator")
def delayed_events(subject: Subject[IndicatorSpec]) -> None:
    """Most events arrive late, half of these too late to count, and that does no harm."""
    _survives(subject, partial(disturbances.delayed, share=LATE_SHARE), "delayed")


@check("indicator")
def duplicated_events(subject: Subject[IndicatorSpec]) -> None:
    """Half of the events arrive twice, and that does no harm."""
    _survives(subject, partial(disturbances.duplicated, share=TWICE_SHARE), "duplicated")


@check("indicator")
def reordered_events(subject: Subject[IndicatorSpec]) -> None:
    """Events that arrive out of order, inside the tolerance and beyond it, do no harm."""
    _survives(subject, disturbances.reordered, "reordered")


@check("indicator")
def same_timestamp_events(subject: Subject[IndicatorSpec]) -> None:
    """Bursts of events that bear one exchange time do no harm."""
    _survives(subject, disturbances.same_timestamps, "same_timestamp")


def _survives(subject: Subject[IndicatorSpec], disturb: Callable[..., tuple[MarketEvent, ...]], how: str) -> None:
    for seed in subject.effort.seeds:
        for name in ("calm", "crash_and_bounce"):
            source = tape(name, seed=seed)
            rows = tuple(feature_rows(disturb(source.events, seed), source.instrument, has_book=True))
            where = f"tape {name} with {how} events, seed {seed}"
            try:
                values = judged_values(subject, rows)
            except CheckFailure as failure:
                raise CheckFailure(f"{failure} ({where})") from failure
            if name == "calm" and isnan(values[-1]) and _ready_early(subject, source):
                raise CheckFailure(f"{subject.label}: no reading at the end, undisturbed there is one ({where})")


def _ready_early(subject: Subject[IndicatorSpec], source: Tape) -> bool:
    """Whether the undisturbed program reads by the middle of the tape: one that counts volume needs longer when events are lost."""
    values = judged_values(subject, source.rows())
    return not isnan(values[len(values) // 2]) and not isnan(values[-1])
