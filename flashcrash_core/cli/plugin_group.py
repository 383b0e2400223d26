"""Groups of commands to which plugins add theirs: a command named ``tape fetch`` stands below the group ``tape``."""

from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["PluginGroup"]


class PluginGroup(TyperGroup):
    """Asks the plugins for a command that is not our own; only then, or to list a group below the first, are they loaded."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _plugin_command(" ".join((*_below_root(ctx), cmd_name)))

    def list_commands(self, ctx: Any) -> list[str]:
        own: list[str] = super().list_commands(ctx)
        group = _below_root(ctx)
        if not group:  # `flashcrash --help` stays quick
            return own
        from flashcrash_core.errors import FlashcrashError

        start = " ".join(group) + " "
        try:
            added = [name.removeprefix(start) for name in _plugin_commands() if name.startswith(start)]
        except FlashcrashError:  # help must work while the configuration does not
            added = []
        return [*own, *(name for name in added if name not in own)]


def _below_root(ctx: Any) -> list[str]:
    """Names of the groups on the way to this one, without the program's."""
    names: list[str] = []
    while ctx.parent is not None:
        names.insert(0, ctx.info_name)
        ctx = ctx.parent
    return names


def _plugin_commands() -> dict[str, Any]:
    from flashcrash_core.config import load_config
    from flashcrash_core.registry import TrustPolicy, configured_plugins, load_registry

    config = load_config()
    selection, named_by = configured_plugins(config)
    return load_registry(selection, strict=False, trust=TrustPolicy.of(config), named_by=named_by).commands


def _plugin_command(name: str) -> Any:
    """The command of a loaded plugin, or None. Only here does a mistyped command cost the loading of the plugins."""
    found = _plugin_commands().get(name)
    if found is None:
        return None
    own_name = name.rpartition(" ")[2]
    if not isinstance(found, typer.Typer):
        wrapper = typer.Typer(add_completion=False, rich_markup_mode=None)
        wrapper.command(own_name)(found)
        found = wrapper
    command = typer.main.get_command(found)
    command.name = own_name
    return command
