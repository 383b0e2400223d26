"""One input through both engines: all that they store and all that a report says must be the same, down to the decision hash."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
from attrs import define, field, frozen

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.runtime.batch_runner import BatchRunner
from flashcrash_core.runtime.batching import MakePass, strands_of
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.inputs import SymbolInput
from flashcrash_core.runtime.launch import Prepared, RunRequest, prepare, to_json
from flashcrash_core.runtime.records import Record, SnapshotRecord
from flashcrash_core.runtime.report import build_report
from flashcrash_core.runtime.runner import Runner, RunOptions

_MAY_DIFFER: Final = {"wall_s", "engine", "stepped_events"}
_NO_SNAPSHOTS: Final = RunOptions(snapshot_us=10**15, snapshot_awake_us=10**15)
"""Only the last one: the batch engine writes none, and others hold that they disturb nothing."""


@frozen
class Market:
    """What a run reads: all events in the order of arrival, and what is known of the symbols."""

    events: Sequence[MarketEvent]
    symbols: dict[str, SymbolInput]


@define
class Kept:
    """A store in memory: the records as they were written, one list for each time they were committed."""

    commits: list[list[Any]] = field(factory=list)
    _open: list[Any] = field(factory=list)

    def write(self, session_id: str, records: Iterable[Record]) -> None:
        """Append records."""
        self._open += [[type(record).__name__, msgspec.to_builtins(record)] for record in records]

    def commit(self) -> None:
        """What was written since belongs together."""
        if self._open:
            self.commits.append(self._open)
            self._open = []

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        """Snapshots are the streaming engine's alone."""
        self.commit()


def request(*overrides: str, paths: tuple[Path, ...] = (), **options: Any) -> RunRequest:
    """A backtest of files, or of the simulated market."""
    return RunRequest(mode="backtest" if paths else None, paths=paths, overrides=overrides, keep=False, **options)


def market_of(asked: RunRequest) -> Market:
    """The simulated market that a request asks for, read once for both engines."""
    prepared = prepare(asked)
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=asked.paths, feed=asked.feed)
    try:
        return Market(list(source.events()), source.symbols)
    finally:
        source.close()


def streamed(asked: RunRequest, market: Market | None = None) -> dict[str, Any]:
    """The report of the streaming engine, with the stored records."""
    composition = _composed(prepare(asked), asked, market)
    kept = Kept()
    return _report(composition, Runner(composition.session, composition.executor, kept, "", _NO_SNAPSHOTS), kept)


def batched(asked: RunRequest, make_pass: MakePass | None = None, market: Market | None = None) -> dict[str, Any]:
    """The same of the batch engine over the same events as columns."""
    composition = _composed(prepare(asked), asked, market)
    columns = composition.source.columns() if market is None else None
    if columns is None:
        events = market.events if market is not None else list(composition.source.events())
        columns = {symbol: columns_from(events, symbol) for symbol in composition.source.symbols}
    strands = strands_of(composition, columns, None, make_pass)
    kept = Kept()
    runner = BatchRunner(composition.session, composition.executor, kept, "", _NO_SNAPSHOTS)
    return _report(composition, runner.over(strands), kept)


def require_equal(asked: RunRequest, label: object = "", market: Market | None = None) -> dict[str, Any]:
    """Assert that both engines store and report the same; returns the report."""
    if market is None and not asked.paths:
        market = market_of(asked)
    stream, batch = streamed(asked, market), batched(asked, market=market)
    told = differences(stream, batch)
    assert not told, f"{label} {asked.overrides} {asked.profile or ''}: {told}"
    return stream


def differences(stream: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
    """By part of the report what the two say; of the records the first commit that differs."""
    different = sorted(key for key in stream.keys() | batch.keys() if stream.get(key) != batch.get(key))
    told = {key: (stream.get(key), batch.get(key)) for key in different}
    if "records" in told:
        ours, theirs = told["records"]
        first = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
        told["records"] = (f"commit {first} of {len(ours)} and {len(theirs)}", ours[first : first + 1], theirs[first : first + 1])
    return told


def _composed(prepared: Prepared, asked: RunRequest, market: Market | None) -> Composition:
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=asked.paths, feed=asked.feed)
    if market is not None:
        source = attrs.evolve(source, events=iter(market.events), symbols=market.symbols)
    return compose(prepared.config, prepared.plugins, source)


def _report(composition: Composition, runner: Runner, kept: Kept) -> dict[str, Any]:
    try:
        outcome = runner.run(composition.source)
        report = build_report(composition, outcome, runner.sink.tally, mode="backtest", engine="", session_id=None)
        report["sequence"] = composition.session.seq
        report["records"] = kept.commits
    finally:
        composition.source.close()
    document: dict[str, Any] = json.loads(to_json(report))
    return {key: value for key, value in document.items() if key not in _MAY_DIFFER}
