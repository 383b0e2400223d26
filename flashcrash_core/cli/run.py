"""``flashcrash run``, ``backtest`` and ``detect``: options in, report out.

Heavy imports stay inside the functions, so that ``flashcrash --help`` starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flashcrash_core.cli.plugin_output import plugins_say_elsewhere
from flashcrash_core.cli.progress import with_progress

if TYPE_CHECKING:
    from flashcrash_core.runtime.composition import Composition
    from flashcrash_core.runtime.launch import Prepared
    from flashcrash_core.runtime.request import RunRequest

__all__ = ["backtest", "detect", "run"]

_INPUT = "Input and configuration"

Symbols = Annotated[str, typer.Option("--symbols", help="Symbols to take, comma separated (default: all).", rich_help_panel=_INPUT)]
Profile = Annotated[str | None, typer.Option("--profile", help="Shipped profile: robust or seed.", rich_help_panel=_INPUT)]
Plugins = Annotated[
    str | None, typer.Option("--plugins", help="Plugins: names, pkg.mod, ./file.py, no:name; + edits.", rich_help_panel=_INPUT)
]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file on top of the others.", rich_help_panel=_INPUT)]
Set = Annotated[list[str] | None, typer.Option("--set", help="table.key=value, repeatable.", rich_help_panel=_INPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]
Out = Annotated[Path | None, typer.Option("--out", help="Directory for trades.csv, states.csv and summary.json.")]
OutOfMany = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Directory for trades.csv, states.csv and summary.json; of a folder for the report of each tape, and to go on from.",
    ),
]
Fills = Annotated[str | None, typer.Option("--fills", help="Fill model: M0, M1, M2, M3 or auto.")]
SafeMode = Annotated[
    bool, typer.Option("--safe-mode", help="Load first-party plugins only; others are left out.", rich_help_panel=_INPUT)
]
Engine = Annotated[
    str,
    typer.Option("--engine", help="batch (tapes, compiled), stream (every event), or auto: batch where it can."),
]
Tapes = Annotated[
    list[Path],
    typer.Argument(
        help="Tapes, data files (captures, Tardis-style, Binance bulk), or folders of tapes: each tape a run of its own."
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Processes for a folder of tapes (default: the CPUs that this process may use).")
]
Db = Annotated[str | None, typer.Option("--db", help="Database (default var/flashcrash.db).")]


def run(
    mode: Annotated[str | None, typer.Option("--mode", help="paper, backtest, or real (orders for real money).")] = None,
    feed: Annotated[str | None, typer.Option("--feed", help="Feed plugin (default: simulated, or what reads the tape).")] = None,
    tape: Annotated[list[Path] | None, typer.Option("--tape", help="A data file, repeatable.")] = None,
    symbols: Symbols = "",
    profile: Profile = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Continue a crashed or interrupted session.")] = None,
    plugins: Plugins = None,
    config: Config = None,
    set_: Set = None,
    fills: Fills = None,
    speed: Annotated[str | None, typer.Option("--speed", help="max, or a multiple of real time.")] = None,
    duration: Annotated[float | None, typer.Option("--duration", help="Stop after this many seconds of market time.")] = None,
    db: Db = None,
    out: Out = None,
    json: Json = False,
    safe_mode: SafeMode = False,
    quarantine: Annotated[
        list[str] | None,
        typer.Option("--quarantine", help="An indicator not to call, repeatable; with --resume from where the session ended."),
    ] = None,
    allow_path_plugins: Annotated[
        bool, typer.Option("--allow-path-plugins", help="In real mode, load plugins that cannot be locked all the same.")
    ] = False,
    arm: Annotated[str, typer.Option("--arm", metavar="TOKEN", help="In real mode: the word that arms this one start.")] = "",
    record: Annotated[
        Path | None, typer.Option("--record", metavar="DIR", help="Keep what a live feed says, to be replayed with --tape DIR.")
    ] = None,
    record_max_bytes: Annotated[
        int | None, typer.Option("--record-max-bytes", min=1, metavar="N", help="What all files of --record may have.")
    ] = None,
    record_delete_oldest: Annotated[
        bool, typer.Option("--record-delete-oldest", help="Delete the oldest recorded files where there is no room; else it stops.")
    ] = False,
) -> None:
    """Run a session. Without arguments: the built-in simulated market with a crash in it, in paper mode, at full speed."""
    from flashcrash_core.runtime import launch

    _make_directory(out)
    own: dict[str, Any] = {"feed": feed, "fills": fills, "speed": speed, "duration_s": duration, "db": db}
    own |= {"allow_path_plugins": allow_path_plugins, "arm": arm, "quarantine": tuple(quarantine or ())}
    if record is None and (record_max_bytes is not None or record_delete_oldest):
        from flashcrash_core.errors import UsageError

        raise UsageError("--record-max-bytes and --record-delete-oldest go with --record DIR")
    if record is not None:
        own["record"] = _recording(record, record_max_bytes, record_delete_oldest)
    request = _request(tape, symbols, profile, plugins, config, set_, mode=mode, safe_mode=safe_mode, **own)
    if resume is None:
        _finish(with_progress("replaying", lambda progress: launch.execute(request, progress), json), json, out)
    else:
        composed: list[Any] = []
        report = with_progress(
            "replaying", lambda progress: launch.resume(resume, request, progress, lambda *it: composed.extend(it)), json
        )
        _finish(report, json, out)
        _say_what_a_resume_leaves_out(*composed)


def backtest(
    tape: Tapes,
    engine: Engine = "auto",
    workers: Workers = None,
    fills: Fills = None,
    out: OutOfMany = None,
    json: Json = False,
    symbols: Symbols = "",
    profile: Profile = None,
    plugins: Plugins = None,
    config: Config = None,
    set_: Set = None,
    db: Db = None,
    safe_mode: SafeMode = False,
) -> None:
    """Trade recorded data with simulated fills. Without a book, the renormalised research score is shown beside the strict one."""
    own: dict[str, Any] = {"fills": fills, "db": db, "safe_mode": safe_mode, "engine": _engine(engine)}
    request = _request(tape, symbols, profile, plugins, config, set_, mode="backtest", **own)
    if _of_many(request, workers):
        _run_many(request, workers, json, out=out)
        return
    from flashcrash_core.runtime.comparison import run_with_comparison

    _make_directory(out)
    _finish(with_progress("replaying", lambda progress: run_with_comparison(request, progress), json), json, out)


def detect(
    tape: Tapes,
    engine: Engine = "auto",
    workers: Workers = None,
    json: Json = False,
    symbols: Symbols = "",
    profile: Profile = None,
    plugins: Plugins = None,
    config: Config = None,
    set_: Set = None,
    safe_mode: SafeMode = False,
) -> None:
    """Run the detector only and list the episodes."""
    own: dict[str, Any] = {"safe_mode": safe_mode, "engine": _engine(engine)}
    request = _request(tape, symbols, profile, plugins, config, set_, mode="backtest", **own)
    if _of_many(request, workers):
        _run_many(request, workers, json, detect=True)
        return
    from flashcrash_core.runtime import launch

    _finish(with_progress("replaying", lambda progress: launch.detect(request, progress), json), json, None)


def _request(
    tape: list[Path] | None,
    symbols: str,
    profile: str | None,
    plugins: str | None,
    config: Path | None,
    overrides: list[str] | None,
    **own: Any,
) -> "RunRequest":
    """The options that every command here has, and those of its own (the names are :class:`RunRequest`'s)."""
    from flashcrash_core.market.recordings import recordings_among
    from flashcrash_core.runtime.request import RunRequest

    wanted = tuple(part.strip().upper() for part in symbols.split(",") if part.strip())
    return RunRequest(
        paths=recordings_among(tape or (), wanted),
        symbols=wanted,
        profile=profile,
        plugins=plugins,
        config_file=config,
        overrides=tuple(overrides or ()),
        **own,
    )


def _recording(folder: Path, max_bytes: int | None, delete_oldest: bool) -> Any:
    from flashcrash_core.cli.options import warn
    from flashcrash_core.market.recordings import RecordingOptions

    return RecordingOptions(folder=folder, max_bytes=max_bytes, delete_oldest=delete_oldest, tell=lambda message: warn([message]))


def _of_many(request: "RunRequest", workers: int | None) -> bool:
    """Whether a folder of tapes is named. Raises UsageError for --workers without one."""
    from flashcrash_core.runtime.many_plan import is_folder_of_tapes

    many = any(is_folder_of_tapes(path) for path in request.paths)
    if workers is not None and not many:
        from flashcrash_core.errors import UsageError

        raise UsageError("--workers goes with a folder of tapes; files and tapes that are named one by one make one session")
    return many


def _run_many(request: "RunRequest", workers: int | None, json: bool, *, out: Path | None = None, detect: bool = False) -> None:
    """Every tape a run of its own: print the summary and leave with its exit code."""
    import sys

    from flashcrash_core.runtime.launch import to_json
    from flashcrash_core.runtime.many_tapes import run_many

    summary = with_progress(
        "replaying", lambda progress: run_many(request, workers=workers, out=out, detect=detect, on_progress=progress), json
    )
    if json:
        sys.stdout.write(to_json(summary).decode() + "\n")
    else:
        from rich.console import Console

        from flashcrash_core.cli.many_view import show_summary

        show_summary(Console(), summary)
    sys.stdout.flush()
    if code := _end_of_many(summary):
        raise typer.Exit(code)


def _end_of_many(summary: dict[str, Any]) -> int:
    """The exit code, and on standard error what is missing and how to go on."""
    import shlex
    import sys

    totals, out = summary["totals"], summary["run"]["out"]
    again = shlex.join(["flashcrash", *sys.argv[1:]])
    kept = totals["done"] + totals["halted"]
    if summary["status"] == "interrupted":
        if out:
            where = f"{kept} of {totals['tapes']} tapes are finished and kept in {out}; go on with: {again}"
        else:
            where = "nothing was kept to go on with; --out DIR keeps every finished tape"
        sys.stderr.write(f"interrupted; {where}\n")
        return 143 if summary["interrupted_by"] == "SIGTERM" else 130
    if summary["status"] == "failed":
        failed = [row for row in summary["tapes"] if row["status"] == "failed"]
        for row in failed:
            sys.stderr.write(f"error: {row['tape']}: {row['error']}\n")
        rest = f"; only {'it is' if len(failed) == 1 else 'they are'} run again by: {again}" if out else ""
        sys.stderr.write(f"error: {len(failed)} of {totals['tapes']} tapes failed, the others are complete{rest}\n")
        return 1
    return 3 if summary["status"] == "halted" else 0


def _engine(name: str) -> str:
    if name not in ("auto", "batch", "stream"):
        from flashcrash_core.errors import UsageError

        raise UsageError(f"--engine {name}: choose auto, batch or stream")
    return name


def _make_directory(out: Path | None) -> None:
    """Before the run: a place that cannot be written must not cost its report."""
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        from flashcrash_core.errors import UsageError

        raise UsageError(f"--out {out}: cannot be made: {error.strerror}; name a directory that you may write") from None


def _finish(report: dict[str, Any], json: bool, out: Path | None) -> None:
    """Print the report and leave with the exit code that it stands for: 3 when risk halted the session, 128 + signal for one."""
    import sys

    from flashcrash_core.runtime.launch import to_json

    if out is not None:
        from flashcrash_core.runtime.launch import export_session

        with plugins_say_elsewhere(json):
            report["exported"] = export_session(report, out)
    if json:
        sys.stdout.write(to_json(report).decode() + "\n")
    else:
        from rich.console import Console

        from flashcrash_core.cli.report_view import show_report

        show_report(Console(), report)
    sys.stdout.flush()
    status = report.get("status")
    if status == "halted":
        raise typer.Exit(3)
    if status == "interrupted":
        _say_how_to_go_on(report)
        raise typer.Exit(143 if report.get("interrupted_by") == "SIGTERM" else 130)


def _say_what_a_resume_leaves_out(prepared: "Prepared", composition: "Composition") -> None:
    """A backtest of data without a book shows a research variant; it would have to start at the beginning of the data."""
    import sys

    scorer = prepared.plugins.scorer
    has_book = any(known.has_book for known in composition.source.symbols.values())
    if prepared.config.settings.run.mode != "backtest" or has_book or scorer.spec.research is None:
        return
    if scorer.spec.research(scorer.config):
        sys.stderr.write("note: --resume does not compute the research variant; a new flashcrash backtest of the files shows it\n")


def _say_how_to_go_on(report: dict[str, Any]) -> None:
    """On standard error, so that it is seen beside --json too."""
    import shlex
    import sys

    from flashcrash_core.runtime.request import resume_command

    session = report.get("session")
    command = resume_command(session, report["session_db"]) if session else None
    if command is not None and "feed_health" in report:  # a running market: there is nothing to go on with
        show = shlex.join(["flashcrash", "sessions", "show", str(session), "--db", report["session_db"]])
        sys.stderr.write(f"stopped; what happened until then is stored: {show}\n")
    elif command is None:
        sys.stderr.write("interrupted; nothing was kept to go on with\n")
    else:
        sys.stderr.write(f"interrupted; go on with: {command}\n")
