"""Launching a run: from what the user asked for to the finished report. The one place where shells meet.

Wall clock, process identity and the database appear here and nowhere below.
"""

import secrets
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
from attrs import frozen

from flashcrash_core import __version__
from flashcrash_core.config import LoadedConfig, PluginConfigs, config_from_tree, load_config, resolve_plugins, resolve_store
from flashcrash_core.errors import ConfigError, DataError, FlashcrashError, HaltedError, PluginError, StorageError, UsageError
from flashcrash_core.registry import EdgeFault, Registry, TrustPolicy, configured_plugins, load_registry
from flashcrash_core.runtime.batch_runner import BatchRunner
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.inputs import fingerprint
from flashcrash_core.runtime.records import AuditRecord, FaultRecord, SessionRecord
from flashcrash_core.runtime.report import build_report, detection_report
from flashcrash_core.runtime.request import RunRequest, harmless_changes, refuse_changes, resume_command
from flashcrash_core.runtime.runner import Runner, RunOptions, RunOutcome, refuse_unknown
from flashcrash_core.runtime.safe_mode import indicators_left_out, refuse_named_in_safe_mode
from flashcrash_core.runtime.storage import Store
from flashcrash_core.runtime.store_guard import opened_store
from flashcrash_core.runtime.taking_up import order_rows, require_nothing_open, taken_up_line
from flashcrash_core.runtime.unused_plugins import unused_plugins
from flashcrash_core.runtime.venue_connection import at_the_venue

REAL: Final = "real"

__all__ = [
    "Prepared",
    "RunRequest",
    "changed_plugins",
    "detect",
    "execute",
    "export_session",
    "open_store",
    "prepare",
    "recorded_request",
    "resume",
    "to_json",
]

Progress = Callable[[float | None, int], None]

_RESUMABLE: Final = ("crashed", "interrupted", "failed")


@frozen
class Prepared:
    """Configuration and plugins, checked."""

    config: LoadedConfig
    registry: Registry
    plugins: PluginConfigs

    def open_store(self) -> Store:
        """Open the configured database."""
        spec = self.plugins.store.spec
        return opened_store(spec.name, lambda: spec.build(self.plugins.store.config, self.config.settings.run.db))


OnReady = Callable[[Prepared, Composition], None]


def prepare(request: RunRequest, *, stored: SessionRecord | None = None) -> Prepared:
    """Load configuration and plugins for a request, or as a stored session had them. Raises with everything wrong at once."""
    duration_s = request.duration_s
    if duration_s is not None and not 0 < duration_s < inf:
        raise UsageError(f"--duration {duration_s:g}: must be a positive number of seconds")
    try:
        if stored is not None:
            tree = stored.config | {"run": stored.config["run"] | harmless_changes(request)}
            config = config_from_tree(tree, f"session {stored.id}")
        else:
            options = request.as_overrides()
            config = load_config(profile=request.profile, config_file=request.config_file, overrides=options, strict=False)
        selection: str | Sequence[str]
        selection, named_by = (request.plugins, "") if request.plugins is not None else configured_plugins(config)
        trust = TrustPolicy.of(config, allow_path_plugins=request.allow_path_plugins)
        registry = load_registry(selection, trust=trust, safe_mode=request.safe_mode, named_by=named_by)
        if stored is None:
            refuse_named_in_safe_mode(request, registry)
        plugins = resolve_plugins(config, registry)
        return Prepared(config, registry, attrs.evolve(plugins, warnings=(*registry.warnings, *plugins.warnings)))
    except ConfigError as error:
        raise ConfigError([request.in_their_words(problem) for problem in error.problems]) from None


def open_store(location: str | None = None, tell: Callable[[str], None] | None = None) -> Store:
    """The configured storage plugin, open at ``location`` or the configured place. Raises FlashcrashError.

    What was recorded can be read without the other plugins: what is wrong with them goes to ``tell``, one message each.
    """
    request = RunRequest(db=location)
    try:
        config = load_config(overrides=request.as_overrides(), strict=False)
        selection, named_by = configured_plugins(config)
        registry = load_registry(selection, strict=False, trust=TrustPolicy.of(config), named_by=named_by)
        if registry.problems and config.settings.storage.use not in registry.stores:
            raise PluginError("\n".join(str(problem.error) for problem in registry.problems))
        store = resolve_store(config, registry)
    except ConfigError as error:
        raise ConfigError([request.in_their_words(problem) for problem in error.problems]) from None
    for message in (*(str(problem.error) for problem in registry.problems), *registry.warnings):
        if tell is not None:
            tell(message)
    return opened_store(store.spec.name, lambda: store.spec.build(store.config, config.settings.run.db))


def execute(request: RunRequest, on_progress: Progress | None = None, on_ready: OnReady | None = None) -> dict[str, Any]:
    """Run a new session and return its report; ``status`` says whether risk halted it.

    ``on_ready`` is called once, with the run composed and before its first event.
    """
    prepared = prepare(request)
    settings = prepared.config.settings
    if settings.run.speed != "max" and _hears_a_market(prepared, request):
        raise UsageError(f"--speed {settings.run.speed}: the feed hears a running market, which has its own speed; leave it out")
    if settings.run.mode == REAL:
        _require_real(prepared, request)
    source, _ = open_run_input(settings, prepared.plugins, paths=request.paths, feed=request.feed, record=request.record)
    try:
        session_id = _new_session_id()
        prefix = _client_prefix(session_id) if settings.run.mode == REAL else "fc"
        composition = compose(prepared.config, prepared.plugins, source, client_prefix=prefix, arming=request.arm)
        composition.warnings += unused_plugins(prepared.registry, prepared.plugins, source.feed.split(" + "))
        refuse_unknown(request.quarantine, composition.session)
        if on_ready is not None:
            on_ready(prepared, composition)
        if not request.keep:
            return _drive(prepared, composition, None, "", request, on_progress)
        store = prepared.open_store()
        try:
            if settings.run.mode == REAL:
                require_nothing_open(store, REAL, prepared.config.as_plain().get("executor", {}))
            with at_the_venue(composition.executor) as proved:
                composition.warnings += proved
                record = _session_record(prepared, composition, request, session_id)
                store.begin_session(record)
                return _drive(prepared, composition, store, record.id, request, on_progress)
        finally:
            store.close()
    finally:
        source.close()


def detect(request: RunRequest, on_progress: Progress | None = None) -> dict[str, Any]:
    """Detection only: no strategy, no executor, no database."""
    prepared = prepare(request)
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=request.paths, feed=request.feed)
    try:
        composition = compose(prepared.config, prepared.plugins, source, trade=False)
        composition.warnings += unused_plugins(prepared.registry, prepared.plugins, source.feed.split(" + "))
        runner, engine = _runner(composition, None, "", _options(prepared, request), on_progress, request)
        outcome = runner.run(source)
        report = detection_report(composition, outcome, engine=engine)
        report |= {"mode": "detect", "status": outcome.status, "decision_hash": composition.session.hash.hex}
        return report | _interruption(outcome)
    finally:
        source.close()


def resume(
    session_id: str, request: RunRequest, on_progress: Progress | None = None, on_ready: OnReady | None = None
) -> dict[str, Any]:
    """Continue a crashed, interrupted or failed session from its newest snapshot, checking every stored row on the way.

    ``on_ready`` as in :func:`execute`.
    """
    refuse_changes(request)
    store = prepare(request).open_store()
    try:
        record = store.session(session_id)
        if record.status not in _RESUMABLE:
            raise UsageError(
                f"session {record.id} is {record.status}; only one that is {', '.join(_RESUMABLE[:-1])} or {_RESUMABLE[-1]} can be "
                "resumed. Start a new run, or look for another one with `flashcrash sessions list`"
            )
        request = attrs.evolve(request, plugins=record.inputs.get("plugins"))
        prepared = prepare(request, stored=record)
        indicators_left_out(record, prepared.plugins.indicators, prepared.registry)
        if record.mode == REAL:
            return _take_up(store, record, prepared, request, on_progress, on_ready)
        request = recorded_request(record, request)
        source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=request.paths, feed=request.feed)
        try:
            composition = compose(prepared.config, prepared.plugins, source)
            composition.warnings += unused_plugins(prepared.registry, prepared.plugins, source.feed.split(" + "))
            composition.warnings += changed_plugins(record, prepared)
            refuse_unknown(request.quarantine, composition.session)
            if on_ready is not None:
                on_ready(prepared, composition)
            store.reopen_session(record.id)
            return _drive(prepared, composition, store, record.id, request, on_progress, resuming=True)
        finally:
            source.close()
    finally:
        store.close()


def _take_up(
    store: Store,
    record: SessionRecord,
    prepared: Prepared,
    request: RunRequest,
    on_progress: Progress | None,
    on_ready: OnReady | None,
) -> dict[str, Any]:
    """Go on with a session of real orders: books from its rows, the fate of its orders from the venue, everything else new."""
    settings = prepared.config.settings
    source, _ = open_run_input(settings, prepared.plugins, paths=(), feed=record.inputs["feed"], record=request.record)
    try:
        composition = compose(
            prepared.config, prepared.plugins, source, client_prefix=_client_prefix(record.id), arming=request.arm
        )
        composition.warnings += changed_plugins(record, prepared)
        composition.session.take_up(order_rows(store, record.id))
        taken_up = taken_up_line(composition.session)
        composition.warnings.append(taken_up)
        if on_ready is not None:
            on_ready(prepared, composition)
        with at_the_venue(composition.executor, composition.session.blotter.orders.values()) as proved:
            composition.warnings += proved
            store.reopen_session(record.id)
            _audit(store, record.id, composition.session.seq, composition.session.now_us, "taken_up", taken_up)
            return _drive(prepared, composition, store, record.id, request, on_progress, taken_up=True)
    finally:
        source.close()


def recorded_request(record: SessionRecord, request: RunRequest) -> RunRequest:
    """``request`` with the input of a stored session.

    Raises DataError for a tape that is not the one that was read, UsageError where the input was a running market.
    """
    if record.inputs.get("live"):
        raise UsageError(
            f"session {record.id} heard a running market, which cannot be heard again to resume or verify it. Start a new "
            f"run; `flashcrash sessions show {record.id}` has what was stored, and a recording of the market can be replayed"
        )
    paths = tuple(Path(item["path"]) for item in record.inputs["tapes"])
    for item, path in zip(record.inputs["tapes"], paths, strict=True):
        if not path.exists() or fingerprint(path) != item:
            raise DataError(f"{path}: is missing or not the file that session {record.id} read; restore it to resume or verify it")
    return attrs.evolve(request, paths=paths, feed=record.inputs["feed"], duration_s=record.inputs["duration_s"])


def export_session(report: dict[str, Any], out: Path) -> list[str]:
    """Write trades.csv, states.csv and summary.json of the report's session into ``out``; returns the paths written."""
    from flashcrash_core.runtime.export import export_run

    store = open_store(report["session_db"])
    try:
        return [str(path) for path in export_run(store, report["session"], report, out)]
    finally:
        store.close()


def _drive(
    prepared: Prepared,
    composition: Composition,
    store: Store | None,
    session_id: str,
    request: RunRequest,
    on_progress: Progress | None,
    *,
    resuming: bool = False,
    taken_up: bool = False,
) -> dict[str, Any]:
    session = composition.session
    mode = prepared.config.settings.run.mode
    options = _options(prepared, request)
    try:
        runner, engine = _runner(composition, store, session_id, options, on_progress, request, resuming=resuming)
    except BaseException as error:
        if store is not None and not resuming:
            _fail(store, session_id, composition, error, prepared.config.settings.run.db)
        raise
    skip = 0
    if resuming and store is not None:
        snapshot = store.latest_snapshot(session_id)
        runner.sink.expect_stored(snapshot.seq if snapshot is not None else 0)
        if snapshot is not None:
            skip = runner.restore(snapshot)
        runner.repeat(session.seq, store.read(session_id, FaultRecord))
        _audit(store, session_id, session.seq, session.now_us, "resumed", f"from event {session.seq}")
    tally = runner.sink.tally
    problems = prepared.registry.session_start(session_id=session_id, mode=mode, symbols=tuple(session.lanes))
    try:
        outcome = runner.run(composition.source, skip=skip)
    except BaseException as error:
        if store is not None:
            _fail(store, session_id, composition, error, prepared.config.settings.run.db)
        raise
    if store is not None and (resuming or taken_up):
        tally.load(store, session_id)
    composition.source.end_recording()
    report = build_report(composition, outcome, tally, mode=mode, engine=engine, session_id=session_id or None)
    report |= _interruption(outcome)
    for one in report["indicators"].values():
        one["distribution"] = prepared.registry.indicators.origin(one["plugin"]).distribution
    report["warnings"] += [_edge_warning(problem) for problem in problems]
    if store is not None:
        summary = msgspec.json.decode(to_json(report))
        # What is still open at a real venue must be taken up: such a session is not over, whatever ended the run.
        status = outcome.status if mode != REAL or session.settled else "interrupted"
        store.end_session(session_id, status=status, wall_ended=_now(), decision_hash=session.hash.hex, summary=summary)
        report["session_db"] = prepared.config.settings.run.db
    report["warnings"] += [_edge_warning(p) for p in prepared.registry.session_end(session_id=session_id, report=report)]
    return report


def _runner(
    composition: Composition,
    store: Store | None,
    session_id: str,
    options: RunOptions,
    on_progress: Progress | None,
    request: RunRequest,
    *,
    resuming: bool = False,
) -> tuple[Runner, str]:
    """The runner that the request asks for, and its name in reports. Raises UsageError where batch was asked for and cannot be."""
    given = composition.session, composition.executor, store, session_id, options, on_progress
    if request.engine != "stream":
        from flashcrash_core.runtime.batching import BatchRefused, refuse_options, strands_of

        try:
            refuse_options(composition, options, resuming=resuming)
            columns = composition.source.columns()
            if columns is None:
                raise BatchRefused("the input is not made of tapes; make them with `flashcrash tape import`")
            began = time.perf_counter()
            runner = BatchRunner(*given).over(strands_of(composition, columns, on_progress, cache=request.cache))
            runner.sensing_s = time.perf_counter() - began
            return runner, "batch"
        except BatchRefused as refused:
            if request.engine == "batch":
                raise UsageError(f"--engine batch: {refused}; --engine stream takes it") from None
            if composition.source.columns() is not None:
                composition.warnings.append(f"engine: stream, because {refused}")
    return Runner(*given), "stream"


def _edge_warning(fault: EdgeFault) -> str:
    return f"plugin {fault.plugin} failed at {fault.hook}: {fault.error}"


def _interruption(outcome: RunOutcome) -> dict[str, str]:
    """Which signal ended the run, if one did."""
    return {"interrupted_by": signal.Signals(outcome.signal).name} if outcome.status == "interrupted" else {}


def _fail(store: Store, session_id: str, composition: Composition, error: BaseException, location: str) -> None:
    """The run stopped on an error: say so in the database, keep what was committed. The original error goes on to the user."""
    session = composition.session
    status = "halted" if isinstance(error, HaltedError) else "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    try:
        _audit(store, session_id, session.seq, session.now_us, "failed", f"{type(error).__name__}: {error}")
        store.end_session(session_id, status=status, wall_ended=_now(), decision_hash=session.hash.hex, summary={})
    except FlashcrashError as second:
        error.add_note(f"and the session could not be closed in the database: {second}")
    resumed_by = resume_command(session_id, location)
    if resumed_by is None:
        return
    show = f"flashcrash sessions show {session_id} --db {shlex.quote(location)}"
    if isinstance(error, KeyboardInterrupt) and not composition.source.live:
        error.add_note(f"session {session_id} kept in {location} as {status}; go on with: {resumed_by}")
    elif isinstance(error, StorageError) and not composition.source.live:
        error.add_note(f"session {session_id} kept in {location}; {show}; once the database can be written: {resumed_by}")
    else:  # no word of resuming: the same input and settings would end in the same error
        error.add_note(f"session {session_id} kept in {location} as {status}; {show}")


def changed_plugins(record: SessionRecord, prepared: Prepared) -> list[str]:
    """One warning naming every plugin that is not of the version that the session was made with, none if all are."""
    now = prepared.registry.versions()
    changed = [
        f"{name} (this session used {then or 'no version'}, loaded is {now.get(name) or 'none'})"
        for name, then in record.plugins.items()
        if now.get(name) != then
    ]
    return [f"other versions than the session began with: {', '.join(changed)}; decisions may differ"] if changed else []


def _audit(store: Store, session_id: str, seq: int, t_us: int, kind: str, message: str) -> None:
    store.write(session_id, [AuditRecord(seq=seq, t_us=t_us, symbol="", kind=kind, message=message)])
    store.commit()


def _options(prepared: Prepared, request: RunRequest) -> RunOptions:
    run = prepared.config.settings.run
    return RunOptions(
        speed=None if run.speed == "max" else float(run.speed),
        duration_us=None if request.duration_s is None else round(request.duration_s * 1e6),
        snapshot_us=round(run.snapshot_s * 1e6),
        snapshot_awake_us=round(run.snapshot_awake_s * 1e6),
        plugin_budget_ns=round(run.plugin_budget_ms * 1e6) if _watched(prepared, request) else 0,
        quarantine=request.quarantine,
    )


def _watched(prepared: Prepared, request: RunRequest) -> bool:
    """Whether plugins are held to real time: only where there is any, unless the configuration says otherwise."""
    run = prepared.config.settings.run
    if run.plugin_watch != "auto":
        return run.plugin_watch == "always"
    return run.speed != "max" or _hears_a_market(prepared, request)


def _hears_a_market(prepared: Prepared, request: RunRequest) -> bool:
    feed = prepared.plugins.feeds.get(request.feed or prepared.config.settings.run.feed)
    return not request.paths and feed is not None and feed.spec.live


def _require_real(prepared: Prepared, request: RunRequest) -> None:
    """Raise UsageError for a run of real orders that must not begin."""
    if not _hears_a_market(prepared, request):
        raise UsageError("--mode real: the feed does not hear a running market; orders need --feed binance, or another live feed")
    if not request.keep:
        raise UsageError("--mode real: every order is stored before it is sent, so a session must be kept")


def _client_prefix(session_id: str) -> str:
    """Ids of orders are never used twice, in no session: a venue would take another order's answer for theirs."""
    return f"fc-{session_id}-"


def _new_session_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def _session_record(prepared: Prepared, composition: Composition, request: RunRequest, session_id: str) -> SessionRecord:
    settings = prepared.config.settings
    started = datetime.now(UTC)
    return SessionRecord(
        id=session_id,
        mode=settings.run.mode,
        status="running",
        symbols=tuple(composition.session.lanes),
        profile=settings.profile,
        data_tier=str(composition.source.data_tier),
        version=__version__,
        plugins=prepared.registry.versions(),
        config=prepared.config.as_plain(),
        inputs={
            "feed": request.feed,
            "tapes": [fingerprint(path) for path in request.paths],
            "duration_s": request.duration_s,
            "live": composition.source.live,
            "plugins": request.plugins,
            "indicators": list(prepared.plugins.indicators),
            "instruments": {
                symbol: {"tick_size": str(i.tick_size), "lot_size": str(i.lot_size), "kind": str(i.kind), "inferred": i.inferred}
                for symbol, i in composition.session.instruments.items()
            },
        },
        wall_started=started.isoformat(),
        equity_start_minor=composition.session.blotter.ledger.equity_start_minor,
    )


def to_json(document: Any) -> bytes:
    """One JSON document: decimals as numbers, NaN as null, keys in the order of the contract."""
    return msgspec.json.Encoder(decimal_format="number").encode(document)


def _now() -> str:
    return datetime.now(UTC).isoformat()
