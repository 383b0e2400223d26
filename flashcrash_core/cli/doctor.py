"""``flashcrash doctor``: whether this machine is fit to run, and what to do where it is not.

What reaches out of this machine is asked only when its feed is named: ``flashcrash doctor --feed binance --symbols BTCUSDT``.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from flashcrash_core.cli.options import JsonOption, SetOption, print_json, print_rows

if TYPE_CHECKING:
    from flashcrash_core.config import LoadedConfig
    from flashcrash_core.registry import Registry

__all__ = ["doctor"]

_PACKAGES = ("pluggy", "attrs", "cattrs", "numpy", "msgspec", "tomlkit", "typer", "rich", "websockets", "aiohttp")

WAL_BUG_FIRST = (3, 7, 0)
WAL_BUG_LAST = (3, 51, 2)
"""SQLite versions in which two connections of one database can lose a WAL reset (sqlite.org/wal.html, fixed in 3.51.3)."""


def doctor(
    db: Annotated[str | None, typer.Option("--db", metavar="PATH", help="Database whose folder is checked.")] = None,
    feed: Annotated[
        str | None, typer.Option("--feed", metavar="NAME", help="Check what this feed connects to: network, service, symbols.")
    ] = None,
    symbols: Annotated[str, typer.Option("--symbols", metavar="LIST", help="Symbols to ask the feed's venue about.")] = "",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check Python, packages, SQLite, the data folder, the terminal and the plugins; with --feed also what it connects to."""
    wanted = tuple(part.strip().upper() for part in symbols.split(",") if part.strip())
    own = [_python(), *_packages(), _sqlite()]
    checks = [*own, *_configured(db, feed, wanted, tuple(overrides or ())), _terminal(), _time_zone(), _numba()]
    failed = any(check["status"] == "fail" for check in checks)
    if as_json:
        print_json({"schema": 1, "ok": not failed, "checks": checks})
    else:
        print_rows(
            ("CHECK", "STATUS", "FOUND"),
            [
                (check["check"], check["status"], check["found"] + (f"; {check['advice']}" if check["advice"] else ""))
                for check in checks
            ],
        )
    if failed:
        raise typer.Exit(1)


def _check(name: str, status: str, found: str, advice: str = "") -> dict[str, str]:
    return {"check": name, "status": status, "found": found, "advice": advice}


def _python() -> dict[str, str]:
    import platform

    found = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}"
    return _check("python", "ok", found)


def _packages() -> list[dict[str, str]]:
    from importlib import metadata

    checks: list[dict[str, str]] = []
    for name in ("flashcrash", *_PACKAGES):
        try:
            checks.append(_check(f"package {name}", "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            checks.append(_check(f"package {name}", "fail", "not installed", "run: pip install flashcrash"))
    return checks


def _sqlite() -> dict[str, str]:
    import sqlite3  # the version only; SQL stays in the storage plugin

    if WAL_BUG_FIRST <= sqlite3.sqlite_version_info <= WAL_BUG_LAST:
        advice = (
            "this version has the WAL-reset bug (3.7.0 to 3.51.2): do not write to the database from another program while "
            "a run is on; a Python built with SQLite 3.51.3 or newer is free of it"
        )
        return _check("sqlite", "warn", sqlite3.sqlite_version, advice)
    return _check("sqlite", "ok", sqlite3.sqlite_version)


def _configured(db: str | None, feed: str | None, symbols: tuple[str, ...], overrides: tuple[str, ...]) -> list[dict[str, str]]:
    """Configuration, plugins and the data folder; each fault is one line, the remaining checks still run."""
    from flashcrash_core.config import load_config
    from flashcrash_core.errors import ConfigError, PluginError
    from flashcrash_core.registry import TrustPolicy, configured_plugins, load_registry

    checks: list[dict[str, str]] = []
    location, trust = db, TrustPolicy()
    selection, named_by = tuple[str, ...](), ""
    loaded = None
    try:
        loaded = load_config(overrides=overrides)
        location = location or loaded.settings.run.db
        selection, named_by = configured_plugins(loaded)
        trust = TrustPolicy.of(loaded)
        checks.append(_check("configuration", "ok", f"profile {loaded.profile}, {', '.join(loaded.files) or 'no files'}"))
    except ConfigError as error:
        checks += [_check("configuration", "fail", problem, "see flashcrash config check") for problem in error.problems]
    try:
        registry = load_registry(selection, strict=False, trust=trust, named_by=named_by)
        checks.append(_check("plugins", "ok", f"{len(registry.plugins)} loaded"))
        checks += [_check(f"plugin {problem.plugin}", "fail", str(problem.error)) for problem in registry.problems]
        checks += [_check("plugins", "warn", warning) for warning in registry.warnings]
        if loaded is not None:
            checks += _reached(loaded, registry, feed, symbols)
    except (ConfigError, PluginError) as error:
        checks.append(_check("plugins", "fail", str(error)))
    checks.append(_data_folder(location or "var/flashcrash.db"))
    return checks


def _reached(loaded: "LoadedConfig", registry: "Registry", feed: str | None, symbols: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """What the named feed connects to, asked by its plugin. Nothing is asked for a feed that nobody named."""
    from flashcrash_core.config import resolve_plugins
    from flashcrash_core.errors import ConfigError

    if feed is None:
        for name in registry.feeds:
            if registry.feeds[name].live:
                yield _check(f"feed {name}", "ok", f"not asked; flashcrash doctor --feed {name} --symbols LIST does")
        return
    try:
        plugins = resolve_plugins(loaded, registry)
    except ConfigError as error:
        for problem in error.problems:
            yield _check("configuration", "fail", problem)
        return
    if feed not in plugins.feeds:
        yield _check(f"feed {feed}", "fail", "there is no such feed", f"loaded are {', '.join(plugins.feeds)}")
        return
    asked = False
    for found in registry.diagnose({f"feeds.{feed}": plugins.feeds[feed].config}, symbols or loaded.settings.run.symbols):
        asked = True
        yield _check(found.check, found.status, found.found, found.advice)
    if not asked:
        yield _check(f"feed {feed}", "ok", "connects to nothing that could be checked")


def _data_folder(location: str) -> dict[str, str]:
    import os
    import shutil
    from pathlib import Path

    if location == ":memory:":
        return _check("data folder", "warn", "in memory", "sessions are lost when the process ends")
    folder = Path(location).absolute().parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return _check("data folder", "fail", f"{folder} cannot be written", "choose another with run.db or --db")
    free_mib = shutil.disk_usage(existing).free // 2**20
    if free_mib < 500:
        return _check("data folder", "warn", f"{folder}, {free_mib} MiB free", "a long session may fill it")
    return _check("data folder", "ok", f"{folder}, {free_mib} MiB free")


def _terminal() -> dict[str, str]:
    import os
    import shutil

    size = shutil.get_terminal_size()
    kind = f"{os.environ.get('TERM', 'unknown')} {size.columns}x{size.lines}, {sys.stdout.encoding}"
    return _check("terminal", "ok", kind if sys.stdout.isatty() else f"none (output is redirected), {sys.stdout.encoding}")


def _time_zone() -> dict[str, str]:
    from datetime import datetime

    now = datetime.now().astimezone()
    return _check("time zone", "ok", f"{now.tzname()} (UTC{now:%z}); flashcrash reports UTC")


def _numba() -> dict[str, str]:
    import importlib.util
    from importlib import metadata

    if importlib.util.find_spec("numba") is None:
        return _check("numba", "ok", "not installed; nothing in this version uses it")
    return _check("numba", "ok", f"{metadata.version('numba')}; nothing in this version uses it")
