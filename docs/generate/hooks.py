"""docs/plugins/hooks.md from the live hook specifications and descriptor classes: nothing in the page is written by hand."""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs
from attrs import frozen

from flashcrash_core.cli.describe import attribute_docs
from flashcrash_core.hookspecs import FlashcrashHooks
from flashcrash_core.registry import KINDS
from flashcrash_core.specs import API_VERSION, PluginInfo, Spec
from generate.markdown import NOTICE, table, text

__all__ = ["PARTS", "Hook", "hooks", "hooks_page", "read_hook", "spec_classes", "spec_fields"]

PARTS: Final = ("Called", "Arguments", "Returns", "If it raises", "Example")
"""The parts that every hook's docstring has, in this order."""

_INTRODUCTION: Final = f"""\
This is the contract, version {API_VERSION} (`PluginInfo(api={API_VERSION}, ...)`).
A plugin is a module, or an object, that implements at least one hook:

```python
from flashcrash_core.api import PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api={API_VERSION}, summary="Writes down which sessions began.")
started: list[str] = []


@hookimpl
def flashcrash_session_start(session_id: str) -> None:
    started.append(session_id)
```

An implementation may name fewer arguments than the specification, in any order, but no others. A function with the name of a
hook and without `@hookimpl` is refused, and so is a hook that does not exist. Hooks run when a run is composed and at its edges,
never per event: per event the kernel calls what `build` returned.

A hook that raises does not end a session that has begun. `SystemExit` counts as raising; Ctrl-C does not."""


@frozen
class Hook:
    """One hook as its specification documents it."""

    name: str
    signature: str
    summary: str
    parameters: tuple[str, ...]
    """Names of the arguments in the signature."""
    parts: Mapping[str, str]
    """Text of each part, as written."""
    arguments: Mapping[str, str]
    """Documented arguments."""


def hooks() -> list[Hook]:
    """All hooks, in the order of the specification."""
    return [read_hook(name, function) for name, function in vars(FlashcrashHooks).items() if name.startswith("flashcrash_")]


def read_hook(name: str, function: Any) -> Hook:
    """A hook from its specification's signature and docstring."""
    signature = inspect.signature(function)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    summary, parts = _split(inspect.getdoc(function) or "")
    return Hook(
        name=name,
        signature=f"{name}{inspect.Signature(parameters, return_annotation=signature.return_annotation)}",
        summary=summary,
        parameters=tuple(parameter.name for parameter in parameters),
        parts=parts,
        arguments=_arguments(parts.get("Arguments", "")),
    )


def _split(doc: str) -> tuple[str, dict[str, str]]:
    """The first paragraph, and the indented text below each heading."""
    summary: list[str] = []
    parts: dict[str, list[str]] = {}
    current = summary
    for line in doc.splitlines():
        if line.endswith(":") and line[:-1] in PARTS:
            current = parts.setdefault(line[:-1], [])
        else:
            current.append(line.removeprefix("    ") if current is not summary else line)
    return " ".join(" ".join(summary).split()), {name: "\n".join(lines).strip() for name, lines in parts.items()}


def _arguments(part: str) -> dict[str, str]:
    """``name: text`` lines, each with the lines indented below it."""
    found: dict[str, str] = {}
    name = ""
    for line in part.splitlines():
        match = re.match(r"(\w+): (.*)", line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] += f" {line.strip()}"
    return found


def spec_classes() -> list[type[Any]]:
    """What a plugin hands over: the module's info, the common part, and one descriptor class per kind."""
    return [PluginInfo, Spec, *(cls for _, cls in KINDS.values())]


def spec_fields(cls: type[Any]) -> list[tuple[str, str, str, str]]:
    """``(name, type, default, doc)`` of the fields that the class itself declares."""
    docs = attribute_docs(cls)
    inherited = {item.name for base in cls.__mro__[1:] if attrs.has(base) for item in attrs.fields(base)}
    return [
        (item.name, _type_text(item.type), _default(item), text(docs.get(item.name, "")))
        for item in attrs.fields(cls)
        if item.name not in inherited
    ]


def _type_text(kind: Any) -> str:
    shown = kind.__name__ if isinstance(kind, type) and not getattr(kind, "__args__", ()) else str(kind)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", shown)


def _default(item: "attrs.Attribute[Any]") -> str:
    if item.default is attrs.NOTHING:
        return "required"
    value = item.default
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(repr, value))) + "}" if value else "empty"
    if isinstance(value, Mapping) and not value:
        return "empty"
    if isinstance(value, type):
        return value.__name__
    return str(value) if isinstance(value, str) else repr(value)


def hooks_page() -> str:
    """The page."""
    registering = dict(KINDS.values())
    out = [
        NOTICE,
        "# Hooks and descriptors",
        _INTRODUCTION,
        table(("hook", "what it does"), [(f"[`{hook.name}`](#{hook.name})", text(hook.summary)) for hook in hooks()]),
        "## Hooks",
    ]
    for hook in hooks():
        out += _hook_section(hook, registering.get(hook.name))
    out += [
        "## Descriptors",
        "Frozen attrs classes, imported from `flashcrash_core.api`, made with keyword arguments. "
        "`flashcrash plugins show NAME` prints those of an installed plugin.",
    ]
    for cls in spec_classes():
        base = " Also has the fields of `Spec`." if issubclass(cls, Spec) and cls is not Spec else ""
        out += [
            f"### {cls.__name__}",
            f"{text((inspect.getdoc(cls) or '').split(chr(10) * 2)[0])}{base}",
            table(("field", "type", "default", "meaning"), [(f"`{n}`", f"`{t}`", f"`{d}`", m) for n, t, d, m in spec_fields(cls)]),
        ]
    return "\n\n".join(out) + "\n"


def _hook_section(hook: Hook, spec: type[Any] | None) -> list[str]:
    out = [f"### {hook.name}", f"```text\n{_shortened(hook.signature)}\n```", text(hook.summary)]
    out.append(f"**Called.** {text(hook.parts['Called'])}")
    if hook.parameters:
        types = _parameter_types(hook.signature)
        rows = [(f"`{name}`", f"`{types[name]}`", text(hook.arguments.get(name, ""))) for name in hook.parameters]
        out.append(table(("argument", "type", "meaning"), rows))
    else:
        out.append("**Arguments.** None.")
    link = f" Fields: [{spec.__name__}](#{spec.__name__.lower()})." if spec is not None else ""
    out.append(f"**Returns.** {text(hook.parts['Returns'])}{link}")
    out.append(f"**If it raises.** {text(hook.parts['If it raises'])}")
    out.append(f"**Example.** `{hook.parts['Example']}`")
    return out


def _shortened(signature: str) -> str:
    """Type names without their modules."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", signature)


def _parameter_types(signature: str) -> dict[str, str]:
    inside = _shortened(signature).partition("(")[2].rpartition(") ->")[0]
    return dict(re.findall(r"(\w+): ((?:[^,\[]|\[[^\]]*\])+)", inside))
