"""``flashcrash plugins lock``: write ``plugins.lock``, or compare it with what is installed (docs/plugins/trust.md)."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flashcrash_core.cli.options import ConfigOption, JsonOption, PluginsOption, print_json, warn

if TYPE_CHECKING:
    from flashcrash_core.config import LockedDistribution, PluginLock
    from flashcrash_core.errors import PluginNotFound
    from flashcrash_core.registry import Candidate

__all__ = ["lock"]


def lock(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Plugins to lock (default: those that the configuration names).")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="PATH", help="The lock (default: config/plugins.lock if config/ exists, else plugins.lock)."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 2 when something differs from the lock.")
    ] = False,
    plugins: PluginsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down version and hash of third-party plugins as they are now, for mode real. Nothing of them is imported.

    With NAME, those entries are added or renewed and the others kept; without, the lock is written anew.
    """
    from flashcrash_core.config import default_lock_path, read_lock, write_lock
    from flashcrash_core.errors import PluginError

    path = file if file is not None else default_lock_path()
    chosen, warnings, missing = _chosen(names, plugins, config)
    known = read_lock(path)
    if check:
        locked = {point for entry in known.distributions.values() for point in entry.entry_points} if known is not None else set()
        # What is locked and gone is told with its distribution.
        problems = [str(error) for name, error in missing if name not in locked]
        problems += _differences(chosen, known, path)
        entries = known.distributions if known is not None else {}
        _tell(path, entries, problems, warnings, as_json=as_json, written=False, checked=True)
        if problems:
            raise PluginError("\n".join(problems))
        return
    for _, error in missing:
        raise error
    entries, problems = _entries(chosen)
    if problems:
        raise PluginError("\n".join(problems))
    if names and known is not None:
        entries = {**known.distributions, **entries}
    had = known.distributions if known is not None else {}
    if not entries:
        warnings += [_nothing_to_lock("--plugins" if plugins is not None else "the configuration", path, had)]
    if entries or had:
        write_lock(path, entries)
    _tell(path, entries, [], warnings, as_json=as_json, written=bool(entries or had))


def _nothing_to_lock(where: str, path: Path, had: "Mapping[str, LockedDistribution]") -> str:
    said = f"nothing to lock: {where} names no installed third-party plugin; `flashcrash plugins lock NAME` locks one"
    return f"{said}; {path} held {', '.join(sorted(had))} and is empty now" if had else f"{said}; {path} was not written"


def _chosen(
    names: Sequence[str] | None, plugins: str | None, config: Path | None
) -> "tuple[list[Candidate], list[str], Sequence[tuple[str, PluginNotFound]]]":
    """The third-party plugins meant, a warning for each that is named but nothing can lock, and what is not installed."""
    from flashcrash_core.config import load_config
    from flashcrash_core.errors import UsageError
    from flashcrash_core.registry import configured_plugins, installed_plugins, select

    given: Any = names or plugins
    for name in names or ():
        if "," in name or name.startswith(("+", "no:")):
            raise UsageError(
                f"plugins lock {name}: name one plugin, as `flashcrash plugins list` shows it; several are separate words"
            )
    named_by = ""
    if given is None:
        given, named_by = configured_plugins(load_config(config_file=config))
    selected = select(installed_plugins(), given, strict=False, named_by=named_by)
    for _, conflict in selected.conflicts:
        raise conflict
    found = selected.chosen
    own = [candidate.name for candidate in found if candidate.first_party]
    if names and own:
        raise UsageError(
            f"{', '.join(own)}: part of flashcrash itself and as trusted as it is; only third-party plugins are locked"
        )
    foreign = [candidate for candidate in found if not candidate.first_party]
    loose = [candidate for candidate in foreign if not candidate.version]
    if names and loose:
        names_of = ", ".join(candidate.target for candidate in loose)
        raise UsageError(
            f"{names_of}: not a plugin of an installed distribution, so that it cannot be locked; install it from a wheel"
        )
    warnings = [
        f"{candidate.target}: not a plugin of an installed distribution, so that it cannot be locked; mode real refuses it without "
        "--allow-path-plugins"
        for candidate in loose
    ]
    return [candidate for candidate in foreign if candidate.version], warnings, selected.missing


def _entries(chosen: "Sequence[Candidate]") -> "tuple[dict[str, LockedDistribution], list[str]]":
    from flashcrash_core.errors import PluginError
    from flashcrash_core.registry import lock_entry

    entries: dict[str, LockedDistribution] = {}
    problems: list[str] = []
    for distribution in dict.fromkeys(candidate.distribution for candidate in chosen):
        try:
            name, entry = lock_entry(distribution)
            entries[name] = entry
        except PluginError as error:
            problems.append(str(error))
    return entries, problems


def _differences(chosen: "Sequence[Candidate]", known: "PluginLock | None", path: Path) -> list[str]:
    """Every locked distribution that is no longer what it was, and every chosen plugin that is not locked."""
    from flashcrash_core.errors import PluginError, PluginNotFound
    from flashcrash_core.registry import compare_installed

    if known is None:
        return [f"{path}: there is no such file; write it with `flashcrash plugins lock`"] if chosen else []
    problems = [
        f"plugin {candidate.shown}: is not locked in {path}; lock it with `flashcrash plugins lock {candidate.name}`"
        for candidate in chosen
        if known.get(candidate.distribution) is None
    ]
    for distribution, entry in known.distributions.items():
        try:
            problems += [f"{distribution}: {change}" for change in compare_installed(distribution, entry)]
        except PluginNotFound:
            problems.append(
                f"{distribution} {entry.version}: locked, not installed; install that version, or lock anew without it "
                f"(it brings {', '.join(sorted(entry.entry_points)) or 'no plugin'})"
            )
        except PluginError as error:
            problems.append(str(error))
    return problems


def _tell(
    path: Path,
    entries: "dict[str, LockedDistribution]",
    problems: list[str],
    warnings: list[str],
    *,
    as_json: bool,
    written: bool,
    checked: bool = False,
) -> None:
    rows = [
        {
            "distribution": name,
            "version": entry.version,
            "record_sha256": entry.record_sha256,
            "api": entry.api,
            "entry_points": dict(entry.entry_points),
        }
        for name, entry in sorted(entries.items())
    ]
    if as_json:
        document = {"schema": 1, "lock": str(path), "written": written, "ok": not problems, "distributions": rows}
        print_json({**document, "problems": problems, "warnings": warnings})
        return
    if not problems:
        what = "as locked" if checked else "locked"
        for row in rows:
            sys.stdout.write(f"{what}: {row['distribution']} {row['version']} {row['record_sha256']}\n")
        if rows or checked:
            done = "nothing differs" if checked else "written"
            sys.stdout.write(f"{path}: {done}, {len(rows)} {'distribution' if len(rows) == 1 else 'distributions'}\n")
    warn(warnings)
