"""``flashcrash plugins list`` and ``show``."""

import sys
from typing import Annotated, Any

import typer

from flashcrash_core.cli.options import JsonOption, PluginsOption, SafeModeOption, print_json, print_rows, warn
from flashcrash_core.cli.plugin_check import check
from flashcrash_core.cli.plugin_lock import lock
from flashcrash_core.cli.plugin_new import new
from flashcrash_core.cli.plugin_trust import AllowPathPluginsOption, policy_for

__all__ = ["app"]

app = typer.Typer(help="What is installed, and what a plugin offers.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_plugins(plugins: PluginsOption = None, as_json: JsonOption = False, safe_mode: SafeModeOption = False) -> None:
    """List installed plugins. Those of other distributions are not imported unless --plugins or the configuration names them."""
    from flashcrash_core.config import load_config
    from flashcrash_core.errors import ConfigError
    from flashcrash_core.registry import TrustPolicy, configured_plugins, how_to_name, load_registry, split_list

    warnings: list[str] = []
    selection: Any = plugins
    named_by = ""
    trust = TrustPolicy()
    if plugins is not None:
        trust = policy_for(split_list(plugins))
    else:
        try:
            config = load_config()
            (selection, named_by), trust = configured_plugins(config), TrustPolicy.of(config)
        except ConfigError as error:  # the list must help to repair a configuration, so it does without it
            warnings = [*error.problems, "the configuration cannot be read; the default plugins are listed"]
    registry = load_registry(selection, strict=False, trust=trust, safe_mode=safe_mode, named_by=named_by)
    if plugins is not None:  # what was typed is meant; what a file names may be gone, and the list helps to find that
        registry.selection.refuse_left_out()
        for _, not_found in registry.selection.missing:
            raise not_found
    warnings += registry.warnings

    rows: list[dict[str, Any]] = []
    for plugin in registry.plugins:
        row = _row(plugin.candidate, "loaded")
        row["summary"] = plugin.info.summary
        row["kinds"] = sorted({kind for kind, _ in plugin.specs})
        row["offers"] = [{"kind": kind, "name": spec.name} for kind, spec in plugin.specs]
        rows.append(row)
    by_name = {problem.plugin: problem for problem in registry.loaded.problems}
    rows += [
        {**_row(candidate, "failed"), "error": str(by_name[candidate.name].error)}
        for candidate in registry.selection.chosen
        if candidate.name in by_name
    ]
    rows += [{**_row(candidate, "failed"), "error": str(error)} for candidate, error in registry.selection.conflicts]
    rows += [{**_missing_row(name), "error": str(error)} for name, error in registry.selection.missing]
    rows += [
        {**_row(plugin, "listed"), "how_to_name": how_to_name(plugin, registry.installed)}
        for plugin in registry.selection.unselected
    ]
    if as_json:
        print_json({"schema": 1, "plugins": rows, "warnings": warnings})
        return
    print_rows(
        ("NAME", "STATUS", "KIND", "DISTRIBUTION", "SUMMARY"),
        [
            (
                row["name"],
                row["status"],
                ",".join(row["kinds"]) or "-",
                f"{row['distribution']} {row['version']}".strip() or "-",
                row["summary"] or row["error"] or row["how_to_name"] or "not imported; name it in --plugins to load it",
            )
            for row in rows
        ],
    )
    warn(warnings)


def _row(plugin: Any, status: str) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "status": status,
        "kinds": [],
        "distribution": plugin.distribution,
        "version": plugin.version,
        "target": plugin.target,
        "first_party": plugin.first_party,
        "summary": "",
        "offers": [],
        "error": "",
        "how_to_name": "",
    }


def _missing_row(name: str) -> dict[str, Any]:
    """The configuration names it, and it is not installed."""
    from flashcrash_core.registry import Candidate

    return _row(Candidate(name, "", "", "", True), "missing")


app.command("check")(check)
app.command("lock")(lock)
app.command("new")(new)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Installed plugin, pkg.mod[:attr] or ./file.py; it is imported.")],
    allow_path_plugins: AllowPathPluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a plugin offers and every key of its configuration. Where mode real is configured, it must be locked."""
    from flashcrash_core.cli.describe import describe_plugin
    from flashcrash_core.errors import UsageError
    from flashcrash_core.registry import load_registry

    if "," in name or name.startswith(("+", "no:")):
        raise UsageError(f"plugins show {name}: name one plugin")
    registry = load_registry(name, trust=policy_for([name], allow_path_plugins=allow_path_plugins))
    registry.selection.refuse_left_out("plugins show")
    document = describe_plugin(registry.plugins[0])
    if as_json:
        print_json({"schema": 1, **document})
        return
    write = sys.stdout.write
    write(f"{document['name']}: {document['summary']}\n")
    brought = f"{document['distribution']} {document['version']} ({document['target']})"
    write(f"from {brought if document['version'] else document['distribution']}\n")
    for offer in document["offers"]:
        write(f"\n{offer['kind']} {offer['name']}: {offer['summary']}\n")
        for key, value in offer["fields"].items():
            if value not in (None, [], {}):
                write(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}\n")
        write(f"  configuration [{offer['table']}]\n" if offer["config"] else "  no configuration\n")
        for row in offer["config"]:
            default = "required" if row["required"] else f"= {_shown(row['default'])}"
            limits = f", {_range_text(row['range'])}" if row["range"] else ""
            write(f"    {row['key']} ({row['type']}{limits}) {default}\n")
            if row["doc"]:
                write(f"        {row['doc']}\n")


def _range_text(limits: dict[str, Any]) -> str:
    """``>= 1, <= 600``; ``one of a, b``."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    parts = [f"{signs[key]} {_shown(limits[key])}" for key in signs if key in limits]
    if "one_of" in limits:
        parts.append(f"one of {', '.join(map(str, limits['one_of']))}")
    return ", ".join(parts)


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, default=str, ensure_ascii=False)
