"""docs/plugins/checks.md from the conformance batteries and the planted faults that prove them."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Final

from contract.planted import HERE, caught_by, fault_of  # type: ignore[attr-defined]  # mypy takes the folder of that name

from flashcrash_core.registry import KINDS
from flashcrash_core.testing.battery import Check, battery_of
from generate.markdown import NOTICE, table, text

__all__ = ["checks_page", "skipped_when"]

_INTRODUCTION: Final = """\
A check is a plain function over one plugin. The same list stands behind `flashcrash plugins check NAME`, behind
`check_indicator()` and its siblings, and behind the contract classes (three lines in a test file).

Each check is proven by a planted fault: a whole plugin with one thing wrong, on which this check fails and no other. The faults
stand in `tests/contract/planted/`; a test runs every battery over every one of them, and `make faults` prints what it found.

A check that does not apply is skipped and says why. One that the author announced in `expected_failures` may fail; if it passes,
that counts as a failure, until it is taken out of the list."""


def checks_page() -> str:
    """The page."""
    batteries = {kind: battery_of(kind) for kind in KINDS}
    rows = [
        (f"[{kind}](#{kind})", str(len(battery)), str(sum(map(len, _faults(kind).values())))) for kind, battery in batteries.items()
    ]
    out = [NOTICE, "# Every check, and the fault that proves it", _INTRODUCTION, table(("kind", "checks", "planted faults"), rows)]
    for kind, battery in batteries.items():
        out += [f"## {kind}", _battery_table(kind, battery)]
    return "\n\n".join(out) + "\n"


def _battery_table(kind: str, battery: tuple[Check, ...]) -> str:
    faults = _faults(kind)
    rows = [
        (f"`{check.name}`", text(check.summary), skipped_when(check.applies), " ".join(faults.get(check.name, ["none yet"])))
        for check in battery
    ]
    return table(("check", "a pass proves", "skipped when the plugin", "the planted fault"), rows)


def _faults(kind: str) -> dict[str, list[str]]:
    """Check to the faults that it alone sees, in words."""
    found: dict[str, list[str]] = {}
    for path in sorted((HERE / "planted" / kind).glob("*.py")):
        found.setdefault(caught_by(path), []).append(text(fault_of(path)))
    return found


def _number_of_faults(kind: str) -> str:
    return str(sum(map(len, _faults(kind).values())))


def skipped_when(applies: Callable[[Any], str]) -> str:
    """The reasons that ``applies`` (a named function) can give, in the order of its source; "" for a check that always applies."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(applies)))
    known = inspect.getclosurevars(applies).nonlocals
    reasons: list[str] = []
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    for node in sorted(returns, key=lambda node: node.lineno):
        assert node.value is not None
        reasons += _reasons(node.value, known)
    return "; ".join(reasons)


def _reasons(value: ast.expr, known: Mapping[str, Any]) -> list[str]:
    if isinstance(value, ast.IfExp):
        return [*_reasons(value.body, known), *_reasons(value.orelse, known)]
    if isinstance(value, ast.Constant) and value.value:
        return [str(value.value)]
    if isinstance(value, ast.JoinedStr):
        return ["".join(_piece(part, known) for part in value.values)]
    return []


def _piece(part: ast.expr, known: Mapping[str, Any]) -> str:
    """A piece of an f-string: its text, the value of a name that is fixed, or dots."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) and part.value.id in known:
        return str(known[part.value.id])
    return "..."
