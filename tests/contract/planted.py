"""The planted faults: plugins that break one rule each, to prove that the check of that rule sees it.

``tests/contract/planted/<kind>/<fault>.py`` is one whole plugin with one fault. Its first lines say which, and ``CAUGHT_BY`` names
the only check that may fail. Most change one thing of a sound plugin, ``tests/contract/planted_base/<kind>.py``, which is itself a
plugin and passes everything. Both are loaded by path, as ``--plugins ./file.py`` loads them; ``tests`` must be on ``sys.path``.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flashcrash_core.registry import KINDS
from flashcrash_core.testing import QUICK, CheckResult, Effort, Outcome, battery_of, find_subjects
from flashcrash_core.testing.battery import run_check

__all__ = [
    "caught_by",
    "failures",
    "fault_of",
    "outcomes",
    "planted_faults",
    "require_caught",
    "require_every_check_proven",
    "require_sound",
    "sound_base",
]

HERE: Final = Path(__file__).parent
HEADER: Final = "Planted fault: "


def planted_faults(kind: str) -> list[Path]:
    """The files with a fault of that kind of plugin, by name. Raises LookupError when there are none."""
    found = sorted((HERE / "planted" / kind).glob("*.py"))
    if not found:
        raise LookupError(f"no planted faults in {HERE / 'planted' / kind}; kinds are {', '.join(KINDS)}")
    return found


def sound_base(kind: str) -> Path:
    """The plugin without a fault that the planted ones of that kind are made from."""
    return HERE / "planted_base" / f"{kind}.py"


def caught_by(path: Path) -> str:
    """The check that is to catch the fault, read without running the file. Raises LookupError when the file does not say."""
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["CAUGHT_BY"]:
            return str(ast.literal_eval(node.value))
    raise LookupError(f'{path}: has no CAUGHT_BY; add CAUGHT_BY = "<name of the check>"')


def fault_of(path: Path) -> str:
    """What is wrong with the plugin, in its author's words. Raises LookupError when the header does not say."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"), str(path))) or "").split())
    fault, _, check = text.partition(" Caught by: ")
    if not fault.startswith(HEADER) or check.rstrip(".") != caught_by(path):
        raise LookupError(f'{path}: the docstring must be "{HEADER}... Caught by: {caught_by(path)}."')
    return fault.removeprefix(HEADER)


def outcomes(path: Path, kind: str, *, effort: Effort = QUICK) -> dict[str, CheckResult]:
    """The result of every check of the battery over the one plugin of that kind in the file, by the check's name."""
    # One by one: a battery stops at a broken interface, and then it would not show whether another check sees the fault as well.
    (subject,) = find_subjects(str(path), kind=kind, effort=effort)
    return {check.name: run_check(check, subject) for check in battery_of(kind)}


def failures(results: Mapping[str, CheckResult]) -> dict[str, str]:
    """The checks that failed, with their messages."""
    return {name: row.message for name, row in results.items() if row.outcome is Outcome.FAILED}


def require_sound(kind: str, *, skipped: frozenset[str] = frozenset()) -> None:
    """Assert that the base passes every check, but for those it is known to lack the capability for, which must be skipped."""
    results = outcomes(sound_base(kind), kind)
    odd = {
        name: row.message
        for name, row in results.items()
        if row.outcome is not (Outcome.SKIPPED if name in skipped else Outcome.PASSED)
    }
    assert odd == {}


def require_caught(path: Path, kind: str) -> None:
    """Assert that exactly the named check fails on the planted fault, and that the file says what the fault is."""
    assert fault_of(path)
    failed = failures(outcomes(path, kind))
    wanted = caught_by(path)
    assert wanted in failed, f"{path.stem}: {wanted} did not see the fault; failed: {failed}"
    assert list(failed) == [wanted], f"{path.stem}: more than {wanted} failed: {failed}"


def require_every_check_proven(kind: str) -> None:
    """Assert that each check of the battery has a planted fault, and that no file names a check that does not exist."""
    checks = {check.name for check in battery_of(kind)}
    assert {caught_by(path) for path in planted_faults(kind)} == checks
