"""What a plugin offers, as plain data: its specs' fields, and each configuration key with type, default and docstring."""

import ast
import enum
import inspect
import itertools
import textwrap
import types
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

import attrs

from flashcrash_core.config import config_keys, plain
from flashcrash_core.registry import LoadedPlugin

__all__ = ["attribute_docs", "config_rows", "describe_plugin"]

_TABLES: Final = {
    "feed": "feeds.{name}",
    "indicator": "indicators.{name}",
    "scorer": "scorer",
    "strategy": "strategy",
    "executor": "executor",
    "store": "storage",
}
_NAMES: Final[dict[Any, str]] = {str: "text", int: "integer", float: "number", bool: "true/false", Path: "path", type(None): "none"}


def describe_plugin(plugin: LoadedPlugin) -> dict[str, Any]:
    """Name, origin, summary, and per spec its fields and configuration keys; JSON-able."""
    candidate = plugin.candidate
    return {
        "name": candidate.name,
        "summary": plugin.info.summary,
        "distribution": candidate.distribution,
        "version": candidate.version,
        "target": candidate.target,
        "api": plugin.info.api,
        "offers": [
            {
                "kind": kind,
                "name": spec.name,
                "summary": spec.summary,
                "table": _TABLES[kind].format(name=spec.name),
                "fields": _fields(spec),
                "config": config_rows(spec.config),
            }
            for kind, spec in plugin.specs
        ],
    }


def config_rows(cls: type[Any]) -> list[dict[str, Any]]:
    """One row per key: ``key``, ``type``, ``required``, ``default``, ``range``, ``doc``; the keys of a nested table with dots."""
    docs = attribute_docs(cls)
    rows: list[dict[str, Any]] = []
    for item in config_keys(cls):
        key = item.alias or item.name
        if isinstance(item.type, type) and attrs.has(item.type) and item.default is not attrs.NOTHING:
            rows += [{**row, "key": f"{key}.{row['key']}"} for row in config_rows(item.type)]
            continue
        required = item.default is attrs.NOTHING
        rows.append(
            {
                "key": key,
                "type": _type_text(item.type),
                "required": required,
                "default": None if required else _default(item),
                "range": _range(item.validator),
                "doc": docs.get(item.name, ""),
            }
        )
    return rows


_OPERATORS: Final = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}


def _range(validator: Any) -> dict[str, Any]:
    """What attrs' own validators allow: ``ge``, ``gt``, ``le``, ``lt``, ``one_of``. The author's own functions are not read."""
    found: dict[str, Any] = {}
    # The classes are private to attrs, their fields are what their repr shows. Behind optional() and and_() stand others.
    for inner in (*getattr(validator, "_validators", ()), getattr(validator, "validator", None)):
        if inner is not None:
            found |= _range(inner)
    operator = _OPERATORS.get(getattr(validator, "compare_op", ""))
    if operator is not None:
        found[operator] = plain(validator.bound)
    if isinstance(options := getattr(validator, "options", None), Collection):
        found["one_of"] = plain(list(options))
    return found


def _default(item: "attrs.Attribute[Any]") -> Any:
    if isinstance(item.default, attrs.Factory):  # type: ignore[arg-type]
        factory: Any = item.default
        return None if factory.takes_self else plain(factory.factory())
    return plain(item.default)


def _fields(spec: Any) -> dict[str, Any]:
    """The spec's own fields; functions are shown as yes or no, as their presence is what matters."""
    out: dict[str, Any] = {}
    for item in attrs.fields(type(spec)):
        value = getattr(spec, item.name)
        if item.name in ("name", "summary", "config", "build"):
            continue
        out[item.name] = ("yes" if value is not None else "no") if callable(value) or _is_function(item) else plain(value)
    return out


def _is_function(item: "attrs.Attribute[Any]") -> bool:
    return any(get_origin(kind) is get_origin(Callable[[], None]) for kind in (item.type, *get_args(item.type)))


def _type_text(kind: Any) -> str:
    if kind in _NAMES:
        return _NAMES[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(str(choice) for choice in args)
    if origin in (Union, types.UnionType):
        return " | ".join(_type_text(member) for member in args)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return " | ".join(str(member.value) for member in kind)
    if origin is not None and args:
        inner = [_type_text(member) for member in args if member is not Ellipsis]
        if (isinstance(origin, type) and issubclass(origin, dict | types.MappingProxyType)) or origin.__name__ == "Mapping":
            return f"table of {inner[-1]}"
        same = len(set(inner)) == 1
        return f"list of {inner[0]}" if same else f"list [{', '.join(inner)}]"
    return getattr(kind, "__name__", str(kind)).lower()


def attribute_docs(cls: type[Any]) -> dict[str, str]:
    """The string literals that follow the fields, from the source of the class and its bases; none without source."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field_node, doc_node in itertools.pairwise(body):
            if (
                isinstance(field_node, ast.AnnAssign)
                and isinstance(field_node.target, ast.Name)
                and isinstance(doc_node, ast.Expr)
                and isinstance(doc_node.value, ast.Constant)
                and isinstance(doc_node.value.value, str)
            ):
                docs[field_node.target.id] = " ".join(doc_node.value.value.split())
    return docs
