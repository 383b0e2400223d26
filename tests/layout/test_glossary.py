"""docs/glossary.md explains every reason string that the code can print, and names settings that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_core.config.schema import FeeSettings, FillSettings, InstrumentTable, RunSettings
from flashcrash_core.detection.settings import DetectorConfig
from flashcrash_core.market.features import UNHEALTHY_NAMES
from flashcrash_core.trading.matching.settings import FillModel, VenueConfig
from flashcrash_core.trading.risk import RiskConfig
from flashcrash_indicators.candle_patterns import flashcrash_indicators as patterns
from flashcrash_indicators.depth import flashcrash_indicators as depth
from flashcrash_scoring.weighted import WeightedConfig
from flashcrash_strategies.config import LevelsMode, PercentileConfig
from flashcrash_strategies.exits import EXIT_RULES

ROOT: Final = Path(__file__).resolve().parents[2]
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
CALLS: Final = {
    "BadMessage": 0, "BadNumber": 0, "Exit": 4, "Refuse": 0, "_cancel": 2, "_end": 4, "_go": 1, "_unreadable": 0, "_whole_steps": 3,
    "gap": 0, "leave": 0, "lose": 0, "reject": 1, "shutdown": 0,
}  # fmt: skip
"""Which argument of a call is a reason."""
RETURNS: Final = {
    "_next": 1, "blocked": 0, "breach": 0, "field_reason": 0, "missing_reason": 0, "range_refusal": 0, "refuse_entry": 0,
    "refuse_exit": 0,
}  # fmt: skip
"""Functions that return a reason, alone or at this place of a tuple."""
NAMES: Final = {"reason", "refusal"}
"""Variables and keyword arguments that hold one."""
SETTINGS: Final[dict[str, type[Any]]] = {
    "detector": DetectorConfig,
    "executor": VenueConfig,
    "feeds.binance": BinanceConfig,
    "fees": FeeSettings,
    "fills": FillSettings,
    "indicators.candle_patterns": patterns()[0].config,
    "indicators.depth": depth()[0].config,
    "instruments": InstrumentTable,
    "risk": RiskConfig,
    "run": RunSettings,
    "scorer": WeightedConfig,
    "strategy": PercentileConfig,
}


def texts(node: ast.expr | None, known: dict[str, str]) -> Iterator[str]:
    """String constants that an expression may come to: itself, both arms of a choice, a module's own constant."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from (*texts(node.body, known), *texts(node.orelse, known))
        case ast.BoolOp():
            for part in node.values:
                yield from texts(part, known)
        case ast.Name(id=name) if name in known:
            yield known[name]


def constants(tree: ast.Module) -> dict[str, str]:
    """Names that a module binds to a string at its top level."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            found.update({t.id: node.value.value for t in targets if isinstance(t, ast.Name) and isinstance(node.value.value, str)})
    return found


def returned(function: ast.FunctionDef, place: int, known: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return):
            value = node.value
            yield from texts(value.elts[place] if isinstance(value, ast.Tuple) else value, known)


def reasons_in(source: str) -> set[str]:
    """Every reason string of a module."""
    tree = ast.parse(source)
    known = constants(tree)
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                place = CALLS.get(name, -1)
                if 0 <= place < len(node.args):
                    found += texts(node.args[place], known)
                found += [text for word in node.keywords if word.arg in NAMES for text in texts(word.value, known)]
            case ast.FunctionDef(name=name) if name in RETURNS:
                found += returned(node, RETURNS[name], known)
            case ast.Assign(targets=[ast.Name(id=name)]) if name in NAMES:
                found += texts(node.value, known)
            case ast.Subscript(value=ast.Attribute(attr="counts"), slice=ast.Constant(value=str(text))):
                found.append(text.removeprefix("rejected."))
    return {text for text in found if re.fullmatch(r"[a-z][a-z_]*", text)}


def explained() -> dict[str, str]:
    """The glossary's terms, each with its line."""
    rows = re.findall(r"^\| `?([^`|]+?)`? \|(.*)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return {term.strip(): rest for term, rest in rows if term.strip() not in ("reason", "term") and not term.startswith("-")}


@pytest.mark.parametrize("area", ["flashcrash_core", "plugins"])
def test_every_reason_in_the_code_is_explained(area: str) -> None:
    """A reason string that the code can print and the glossary does not explain is named here with its file."""
    known = explained()
    missing = {
        f"{path.relative_to(ROOT)}: {reason}"
        for path in sorted((ROOT / area).rglob("*.py"))
        for reason in reasons_in(path.read_text(encoding="utf-8"))
        if reason not in known
    }
    assert not missing, f"add these to docs/glossary.md: {sorted(missing)}"


def test_every_declared_name_is_explained() -> None:
    """Exit rules, data faults, price modes, fill models: what the code lists as constants stands in the glossary."""
    names = {reason for reason, _ in EXIT_RULES} | {str(mode) for mode in LevelsMode} | {str(model) for model in FillModel}
    names |= set(UNHEALTHY_NAMES.values()) | {f"data_{name}" for name in UNHEALTHY_NAMES.values()}
    assert not names - set(explained())


def test_the_collector_sees_every_form() -> None:
    """The check would notice a new reason in each of the forms that the code uses."""
    source = """
KNOWN = "g"
def blocked(self):
    if x:
        return "a"
    return "b" if y else ""
def range_refusal():
    return "c", "detail"
def f():
    yield Refuse("d", detail="not one")
    yield tally.reject(1, "e", "detail")
    reason = "h" if x else "i"
    push(kind, reason="j")
    refusal = KNOWN
    self.counts["rejected.k"] += 1
    return State.SLEEP, "not one"
"""
    assert reasons_in(source) == set("abcdeghijk")


def test_settings_that_the_glossary_names_exist() -> None:
    """Every setting in the last column is a key of its table's class."""
    unknown = []
    for term, rest in explained().items():
        for setting in re.findall(r"`([a-z_.]+)`", rest.rsplit("|", 2)[-2]):
            table, _, key = setting.rpartition(".")
            if key not in {a.name for a in attrs.fields(SETTINGS[table])}:
                unknown.append(f"{term}: {setting}")
    assert not unknown
