"""``flashcrash config show`` and ``check``."""

import sys
from typing import Any

import typer

from flashcrash_core.cli.options import (
    ConfigOption,
    JsonOption,
    PluginsOption,
    ProfileOption,
    SetOption,
    print_json,
    print_rows,
    warn,
)

__all__ = ["app"]

app = typer.Typer(help="The effective configuration, and whether it holds.", no_args_is_help=True, rich_markup_mode=None)


@app.command("show")
def show(
    profile: ProfileOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    plugins: PluginsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every key with its value and where it comes from."""
    loaded, resolved = _load(profile, config, set_, plugins)
    values = resolved.effective(loaded)
    if as_json:
        print_json(
            {
                "schema": 1,
                "profile": loaded.profile,
                "files": list(loaded.files),
                "values": [
                    {"key": item.key, "value": item.value, "layer": item.origin.layer, "origin": str(item.origin)}
                    for item in values
                ],
                "warnings": list(resolved.warnings),
            }
        )
        return
    print_rows(("KEY", "VALUE", "ORIGIN"), [(item.key, _toml(item.value), str(item.origin)) for item in values])
    warn(resolved.warnings)


@app.command("check")
def check(
    profile: ProfileOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    plugins: PluginsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration and every plugin's part of it; exit code 2 and all faults at once if anything is wrong."""
    from flashcrash_core.errors import ConfigError, PluginError

    try:
        loaded, resolved = _load(profile, config, set_, plugins)
    except (ConfigError, PluginError) as error:
        if as_json:
            print_json({"schema": 1, "ok": False, "problems": str(error).splitlines(), "warnings": []})
        raise
    if as_json:
        print_json({"schema": 1, "ok": True, "problems": [], "warnings": list(resolved.warnings)})
        return
    files = ", ".join(loaded.files) or "no files"
    sys.stdout.write(f"configuration holds: profile {loaded.profile}, {files}, {len(resolved.effective(loaded))} keys\n")
    warn(resolved.warnings)


def _load(profile: Any, config: Any, overrides: Any, plugins: str | None) -> tuple[Any, Any]:
    """Configuration and plugins. Raises PluginError when only plugins are at fault, ConfigError with everything when both are."""
    from flashcrash_core.config import load_config, resolve_plugins
    from flashcrash_core.errors import ConfigError, PluginError
    from flashcrash_core.registry import TrustPolicy, configured_plugins, load_registry

    loaded = load_config(profile=profile, config_file=config, overrides=overrides or (), strict=False)
    selection, named_by = configured_plugins(loaded) if plugins is None else ((plugins,), "")
    registry = load_registry(selection, trust=TrustPolicy.of(loaded), strict=False, named_by=named_by)
    problems = [line for problem in registry.problems for line in str(problem.error).splitlines()]
    try:
        resolved = resolve_plugins(loaded, registry)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    if problems:
        raise PluginError("\n".join(problems))
    return loaded, resolved


def _toml(value: Any) -> str:
    import json

    # JSON is TOML for text, numbers, booleans and lists; tables only appear here when empty.
    return json.dumps(value, ensure_ascii=False, default=str)
