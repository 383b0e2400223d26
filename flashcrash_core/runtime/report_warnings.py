"""What makes a result worth less, in one line each: faults of the data, and plugins that failed or never had a word to say."""

from datetime import UTC, datetime
from typing import Any, Final

from flashcrash_core.detection.indicator import Role
from flashcrash_core.runtime.composition import Composition
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.session import Session

__all__ = ["report_warnings"]

_STAGES: Final = ("indicator", "judge")
_COUNTED: Final = (Role.CORE, Role.CONFIRMATION)
"""Roles without which the detector needs more of the others."""


def report_warnings(composition: Composition) -> list[str]:
    """All of them, as the report prints them."""
    session = composition.session
    return [*_of_data(session), *_of_indicators(session), *_of_other_plugins(session.faults)]


def _of_data(session: Session) -> list[str]:
    warnings = []
    for symbol, lane in session.lanes.items():
        counts, sync = lane.market.counts, lane.market.sync.counts
        rejected = sum(n for name, n in counts.items() if name.startswith("rejected."))
        if rejected:
            taken = sum(counts[kind] for kind in ("trades", "quotes", "deltas", "snapshots"))
            share = 100 * rejected / (taken + rejected)
            warnings.append(f"{symbol}: {rejected:,} messages could not be used ({share:.3g} % of the input); reasons under data")
        if lane.setup.has_book and not lane.market.sync.ever_synced:
            warnings.append(f"{symbol}: no snapshot of the book in the data; the book was never usable")
        if steps := lane.market.clock.steps:
            warnings.append(f"{symbol}: the exchange's clock stepped {steps} times; the symbol followed it")
        if gaps := sync["gaps"] - sync["feed_gap"] + counts["feed_gaps"]:
            warnings.append(f"{symbol}: {gaps} gap{'s' if gaps > 1 else ''} in the data{_after_gap(lane)}")
        if counts["late"]:
            warnings.append(f"{symbol}: {counts['late']} late events kept out of the indicators")
        if rounded := lane.setup.instrument.rounded_quantities:
            warnings.append(f"{symbol}: {rounded} quantities finer than the lot ({lane.setup.instrument.lot_size}) rounded down")
        if lane.setup.instrument.inferred:
            grid = f"tick {lane.setup.instrument.tick_size}, lot {lane.setup.instrument.lot_size}"
            warnings.append(f"{symbol}: the price grid ({grid}) was inferred from the data; set [instruments.{symbol}]")
    for symbol, number in session.unknown_symbols.items():
        warnings.append(f"{number} events of {symbol}, which this run does not trade, were ignored")
    return warnings


def _after_gap(lane: Lane) -> str:
    if not lane.setup.has_book:
        return ""
    if lane.market.book_synced:
        return "; the book was unusable until the next snapshot"
    return "; no snapshot followed, so the book stayed unusable to the end"


def _of_indicators(session: Session) -> list[str]:
    warnings = []
    for symbol, lane in session.lanes.items():
        reasons, shares = {reading.name: reading.reason for reading in lane.readings()}, lane.shares()
        for index, entry in enumerate(lane.panel.entries):
            count = lane.panel.faults_of(index)
            own = [f for f in session.faults if (f["name"], f["symbol"]) == (entry.name, symbol) and f["stage"] in _STAGES]
            first = f": {own[0]['message']}" if own else ""  # a report keeps the first faults only
            if count.quarantined:
                end = next((f for f in own if f["quarantined"]), None)
                when = f" at {_clock(end['t_us'])}" if end is not None else ""
                warnings.append(
                    f"{symbol}: indicator {entry.name} was quarantined{when}, its reading is missing from then on{first}; "
                    f"check it with: flashcrash plugins check {entry.plugin}"
                )
            elif count.total:
                times = "once" if count.total == 1 else f"{count.total} times"
                warnings.append(f"{symbol}: indicator {entry.name} failed {times}, its reading was missing then{first}")
            elif entry.role in _COUNTED and lane.detector.warm and not entry.inactive and not shares[entry.name][0]:
                why = reasons[entry.name]
                warnings.append(f"{symbol}: indicator {entry.name} ({entry.role}) never had a reading in the whole run ({why})")
    return warnings


def _of_other_plugins(faults: list[dict[str, Any]]) -> list[str]:
    others = [fault for fault in faults if fault["stage"] not in _STAGES]
    warnings = []
    for stage, name in dict.fromkeys((fault["stage"], fault["name"]) for fault in others):
        own = [fault for fault in others if (fault["stage"], fault["name"]) == (stage, name)]
        times = "once" if len(own) == 1 else f"{len(own)} times"
        text = f"{stage} {name} failed {times}; first: {own[0]['message']}"
        end = next((fault for fault in own if fault["quarantined"]), None)
        if end is not None:
            text += f"; quarantined at {_clock(end['t_us'])}, it is called no more; check it with: flashcrash plugins check {name}"
        warnings.append(text)
    return warnings


def _clock(t_us: int) -> str:
    return f"{datetime.fromtimestamp(t_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}.{t_us // 100_000 % 10} UTC"
