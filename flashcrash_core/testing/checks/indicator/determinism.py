"""The same rows give the same readings: in every build, in every process, saved and restored in between."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import msgspec

from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.programs import live, panel_of, require_same
from flashcrash_core.testing.checks.observation import Observation, require_no_world, require_same_everywhere
from flashcrash_core.testing.second_process import needs_a_name, watching
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["determinism_across_builds", "determinism_across_processes", "no_io_no_clock", "snapshot_round_trip"]

FOLLOWED_ROWS = 600
CUTS = 6


@check("indicator")
def determinism_across_builds(subject: Subject[IndicatorSpec]) -> None:
    """Programs built one after the other, and two driven in turns, give the same readings: nothing is shared between them."""
    rows = tape("crash_and_bounce").rows()
    first = live(subject, rows)
    require_same(subject, live(subject, rows), first, "a second build differs; is something kept outside of `state`? Then")
    one, other = panel_of(subject), panel_of(subject)
    for index, row in enumerate(rows):
        one.on_row(row)
        other.on_row(row)
        if repr(one.pairs[-1]) != repr(first[index]) or repr(other.pairs[-1]) != repr(first[index]):
            raise CheckFailure(
                f"{subject.label}: two programs driven in turns disturb each other at row {index}: {one.pairs[-1]} and "
                f"{other.pairs[-1]}, alone {first[index]}; keep all state in the program's own lists"
            )


def readings_digest(subject: Subject[Any], rows: Sequence[FeatureRow]) -> str:
    """A digest over all readings of the rows, or the fault that ended them: other checks tell of it."""
    try:
        return hashlib.sha256(repr(live(subject, rows)).encode()).hexdigest()
    except CheckFailure as failure:
        return str(failure)


def observe(subject: Subject[Any], rows: Sequence[FeatureRow]) -> Observation:
    """Task of a second process: the digest, and then, with lazy imports done, what the program asks for while it works."""
    digest = readings_digest(subject, rows)
    panel = panel_of(subject)
    with watching() as seen:
        for row in rows:
            panel.on_row(row)
    return {"digest": digest, "seen": seen}


@check("indicator", needs_a_name)
def determinism_across_processes(subject: Subject[IndicatorSpec]) -> None:
    """Processes with different hash seeds give the same readings: no order of a set, no address, no unseeded number enters."""
    rows = tape("crash_and_bounce").rows()
    require_same_everywhere(subject, observe, rows, own_digest=readings_digest(subject, rows))


@check("indicator", needs_a_name)
def no_io_no_clock(subject: Subject[IndicatorSpec]) -> None:
    """While it works the program opens nothing, asks no clock and draws no number: its rows are all it knows."""
    rows = tape("crash_and_bounce").rows()
    require_no_world(subject, observe, rows, instead="time is row.t_us, all else comes in through the configuration")


@check("indicator")
def snapshot_round_trip(subject: Subject[IndicatorSpec]) -> None:
    """Saved, packed, unpacked and restored into a fresh build at any row, it goes on as if nothing had happened."""
    rows = tape("crash_and_bounce").rows()
    for seed in subject.effort.seeds:
        cuts = sorted(random.Random(seed).sample(range(1, len(rows) - 1), CUTS))
        panel = panel_of(subject)
        pairs, saved = [], {}
        for index, row in enumerate(rows):
            panel.on_row(row)
            pairs.append(panel.pairs[-1])
            if index + 1 in cuts:
                saved[index + 1] = _packed(subject, panel.snapshot())
        for cut, snapshot in saved.items():
            fresh = panel_of(subject)
            fresh.restore(msgspec.msgpack.decode(snapshot))
            followed = rows[cut : cut + FOLLOWED_ROWS]
            what = (
                f"restored after row {cut - 1} (seed {seed}), {FOLLOWED_ROWS} rows on; is something kept outside of `state`? Then"
            )
            require_same(subject, live(subject, followed, panel=fresh), pairs[cut : cut + FOLLOWED_ROWS], what)


def _packed(subject: Subject[Any], snapshot: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(snapshot)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckFailure(f"{subject.label}: the state cannot be saved: {error}; keep plain numbers in its lists") from error
