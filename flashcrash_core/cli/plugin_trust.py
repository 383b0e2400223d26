"""The trust that the configuration asks for, for commands that import the plugins they are told to."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flashcrash_core.registry import TrustPolicy

__all__ = ["AllowPathPluginsOption", "policy_for", "refuse_not_permitted"]

AllowPathPluginsOption = Annotated[
    bool,
    typer.Option("--allow-path-plugins", help="Where mode real is configured, load plugins that cannot be locked all the same."),
]


def policy_for(elements: "Iterable[str]", *, allow_path_plugins: bool = False) -> "TrustPolicy":
    """The configured policy for elements as in ``--plugins``.

    Raises ConfigError when the configuration cannot be read, unless all that is named is first-party: that helps to repair it.
    """
    from flashcrash_core.config import load_config
    from flashcrash_core.errors import ConfigError
    from flashcrash_core.registry import TrustPolicy, installed_plugins

    try:
        return TrustPolicy.of(load_config(strict=False), allow_path_plugins=allow_path_plugins)
    except ConfigError:
        own = {part for plugin in installed_plugins() if plugin.first_party for part in (plugin.name, plugin.target)}
        if all(element.startswith("no:") or element.removeprefix("+").strip() in own for element in elements):
            return TrustPolicy()
        raise


def refuse_not_permitted(command: str, elements: "Iterable[str]") -> None:
    """Raises UsageError when one of them is a third-party plugin that ``FLASHCRASH_LOAD_PLUGINS`` does not permit."""
    import os

    from flashcrash_core.registry import installed_plugins, permitted_by, select

    select(installed_plugins(), list(elements), permitted=permitted_by(os.environ), strict=False).refuse_left_out(command)
