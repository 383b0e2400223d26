"""What a harness is given, in the terms of the registry and of the configuration."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from flashcrash_core.errors import UsageError

__all__ = ["override_texts", "sort_out"]


def sort_out(plugins: Sequence[object]) -> tuple[list[str], dict[str, object]]:
    """Elements that edit the default choice, and objects by a name."""
    elements: list[str] = []
    objects: dict[str, object] = {}
    for plugin in plugins:
        if isinstance(plugin, str):
            if not plugin.strip() or "," in plugin:
                raise UsageError(f'harness: plugin {plugin!r}; give each one by itself, as PluginHarness("my-vpin", "./other.py")')
            elements.append(plugin if plugin.startswith(("+", "no:")) else f"+{plugin}")
            continue
        given = getattr(plugin, "__name__", type(plugin).__name__).rpartition(".")[2].replace("_", "-").strip("-").lower()
        if given in objects:
            raise UsageError(f"harness: two plugin objects are called {given}; give their classes or modules different names")
        objects[given] = plugin
    return elements, objects


def override_texts(config: Mapping[str, Any]) -> list[str]:
    """``--set`` texts. Raises UsageError for a value that TOML cannot hold and for a key that the harness decides itself."""
    texts: list[str] = []
    for key, value in config.items():
        if key == "run.db":
            raise UsageError("harness: run.db is a temporary file here; leave it out")
        texts.append(f"{key}={_toml(key, value)}")
    return texts


def _toml(key: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case str():
            return msgspec.json.encode(value).decode()
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(_toml(key, item) for item in value) + "]"
        case _:
            raise UsageError(f"harness: {key} = {value!r}: give text, a number, true or false, or a list of them")
