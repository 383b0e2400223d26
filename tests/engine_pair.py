"""One input through both engines: everything that a report says must be the same, down to the decision hash."""

import json
from pathlib import Path
from typing import Any, Final

from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.runtime.batch_runner import BatchRunner
from flashcrash_core.runtime.batching import MakePass, strands_of
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.launch import Prepared, RunRequest, prepare, to_json
from flashcrash_core.runtime.report import build_report
from flashcrash_core.runtime.runner import Runner, RunOptions

_MAY_DIFFER: Final = {"wall_s", "engine", "stepped_events"}


def request(*overrides: str, paths: tuple[Path, ...] = (), **options: Any) -> RunRequest:
    """A backtest of files, or of the simulated market."""
    return RunRequest(mode="backtest" if paths else None, paths=paths, overrides=overrides, keep=False, **options)


def streamed(asked: RunRequest) -> dict[str, Any]:
    """The report of the streaming engine."""
    prepared = prepare(asked)
    composition = _composed(prepared, asked)
    return _report(composition, Runner(composition.session, composition.executor, None, "", RunOptions()))


def batched(asked: RunRequest, make_pass: MakePass | None = None) -> dict[str, Any]:
    """The report of the batch engine over the same events as columns."""
    prepared = prepare(asked)
    composition = _composed(prepared, asked)
    columns = composition.source.columns()
    if columns is None:
        events = list(composition.source.events())
        columns = {symbol: columns_from(events, symbol) for symbol in composition.source.symbols}
    strands = strands_of(composition, columns, None, make_pass)
    runner = BatchRunner(composition.session, composition.executor, None, "", RunOptions())
    return _report(composition, runner.over(strands))


def require_equal(asked: RunRequest, label: object = "") -> dict[str, Any]:
    """Assert that both engines report the same; returns the report."""
    stream, batch = streamed(asked), batched(asked)
    different = sorted(key for key in stream.keys() | batch.keys() if stream.get(key) != batch.get(key))
    told = {key: (stream.get(key), batch.get(key)) for key in different}
    assert not different, f"{label} {asked.overrides} {asked.profile or ''}: {told}"
    return stream


def _composed(prepared: Prepared, asked: RunRequest) -> Composition:
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=asked.paths, feed=asked.feed)
    return compose(prepared.config, prepared.plugins, source)


def _report(composition: Composition, runner: Runner) -> dict[str, Any]:
    try:
        outcome = runner.run(composition.source)
        report = build_report(composition, outcome, runner.sink.tally, mode="backtest", engine="", session_id=None)
        report["sequence"] = composition.session.seq
    finally:
        composition.source.close()
    document: dict[str, Any] = json.loads(to_json(report))
    return {key: value for key, value in document.items() if key not in _MAY_DIFFER}
