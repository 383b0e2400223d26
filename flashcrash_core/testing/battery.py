"""Conformance checks as values: what a check is, what it says, and how a battery of them is run.

A check is a plain function over a :class:`~flashcrash_core.testing.subject.Subject`: it returns when the plugin keeps the rule and
raises :class:`CheckFailure` when not. Nothing here knows pytest. The same list stands behind the contract classes
(``flashcrash_core.testing.contracts``), the rows of ``check_indicator()`` and its siblings, and ``flashcrash plugins check``.
"""

import importlib
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol

from attrs import frozen

from flashcrash_core.errors import UsageError
from flashcrash_core.registry import KINDS, raised_at

__all__ = [
    "QUICK",
    "STANDARD",
    "THOROUGH",
    "Check",
    "CheckFailure",
    "CheckResult",
    "Effort",
    "Outcome",
    "SubjectLike",
    "battery_of",
    "check",
    "is_proven",
    "run_battery",
    "run_check",
    "run_checks",
]


INTERFACE: Final = "interface"
"""Name of the first check of every battery."""
NOT_RUN: Final = f"not run: {INTERFACE} failed, mend that first"


class CheckFailure(AssertionError):
    """The plugin breaks the rule that the check stands for; the message says how, with seed and row where there are any."""


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Does not apply; the message says why."""
    EXPECTED_FAILURE = "expected_failure"
    """Failed, as the author announced."""
    UNEXPECTED_PASS = "unexpected_pass"
    """Announced to fail, but passed: the announcement is out of date, and that counts as a failure."""

    @property
    def good(self) -> bool:
        """Whether a battery with this outcome may still be called passed."""
        return self not in (Outcome.FAILED, Outcome.UNEXPECTED_PASS)


@frozen
class Effort:
    """How much work the checks put in."""

    name: str
    memory_rows: int
    """Rows (or calls) over which memory must not grow."""
    seeds: tuple[int, ...]
    """Seeds of the tapes."""


QUICK: Final = Effort("quick", memory_rows=20_000, seeds=(1,))
STANDARD: Final = Effort("standard", memory_rows=100_000, seeds=(1, 2))
THOROUGH: Final = Effort("thorough", memory_rows=1_000_000, seeds=tuple(range(1, 11)))


class SubjectLike(Protocol):
    """What the running of checks needs of a subject."""

    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str: ...


@frozen
class Check:
    """One rule. ``applies(subject)`` is "" or the reason why the rule does not concern this plugin."""

    kind: str
    name: str
    summary: str
    """One sentence: what a pass proves."""
    function: Callable[[Any], None]
    applies: Callable[[Any], str]

    def __call__(self, subject: Any) -> None:
        """Run it. Raises CheckFailure, also for whatever the plugin itself raised."""
        try:
            self.function(subject)
        except CheckFailure:
            raise
        except Exception as error:
            raise CheckFailure(f"{subject.label}: {_said(error)}") from error

    def reason_to_skip(self, subject: Any) -> str:
        """Why the rule does not concern this plugin, "" if it does. Raises CheckFailure when that cannot be found out."""
        try:
            return self.applies(subject)
        except CheckFailure:
            raise
        except Exception as error:
            raise CheckFailure(
                f"{subject.label}: whether this check applies cannot be said: {_said(error)}; see what {INTERFACE} says"
            ) from error


def _never(_subject: Any) -> str:
    return ""


def check(kind: str, applies: Callable[[Any], str] = _never) -> Callable[[Callable[[Any], None]], Check]:
    """Make a :class:`Check` of a function; its name becomes the check's, the first paragraph of its docstring the summary."""

    def decorate(function: Callable[[Any], None]) -> Check:
        summary = " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())
        if not summary:
            raise TypeError(f"check {function.__name__} has no docstring: say what a pass proves")
        return Check(kind, function.__name__, summary, function, applies)

    return decorate


@frozen
class CheckResult:
    """One row of a report."""

    check: str
    kind: str
    subject: str
    outcome: Outcome
    message: str
    seconds: float


def battery_of(kind: str) -> tuple[Check, ...]:
    """All checks of a kind of plugin. Raises UsageError for an unknown kind."""
    if kind not in KINDS:
        raise UsageError(f'there is no kind "{kind}" of plugin; kinds are {", ".join(KINDS)}')
    checks: tuple[Check, ...] = importlib.import_module(f"flashcrash_core.testing.checks.{kind}").CHECKS
    return checks


def run_check(check: Check, subject: SubjectLike, *, expected_failure: str | None = None) -> CheckResult:
    """Run one check; never raises for what the plugin does. ``expected_failure`` is the author's reason, None if none.

    A warning is a failure, whatever filters the caller has: pytest and ``plugins check`` must say the same of one plugin.
    """
    started = time.perf_counter()
    outcome, message = Outcome.PASSED, ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            message = check.reason_to_skip(subject)
            if message:
                outcome = Outcome.SKIPPED
            else:
                check(subject)
        except CheckFailure as failure:
            outcome, message = Outcome.FAILED, _with_advice(str(failure))
    if expected_failure is not None:
        if outcome is Outcome.FAILED:
            outcome, message = Outcome.EXPECTED_FAILURE, f"{expected_failure}: {message}"
        else:
            how = f"was skipped ({message})" if outcome is Outcome.SKIPPED else "passed"
            outcome, message = (
                Outcome.UNEXPECTED_PASS,
                f"{how}, but expected_failures says it fails: {expected_failure}; take it out of expected_failures",
            )
    return CheckResult(check.name, check.kind, subject.label, outcome, message, time.perf_counter() - started)


def run_battery(subject: SubjectLike, *, expected_failures: Mapping[str, str] | None = None) -> list[CheckResult]:
    """Every check of the subject's kind, in order. Raises UsageError when ``expected_failures`` names no check of it."""
    expected = dict(expected_failures or {})
    battery = battery_of(subject.kind)
    refuse_unknown(expected, battery)
    return run_checks(subject, battery, expected)


def run_checks(
    subject: SubjectLike, checks: Iterable[Check], expected: Mapping[str, str] = MappingProxyType({})
) -> list[CheckResult]:
    """These checks, in order. When the first one, of the interface, fails, the others would only repeat it: they are not run."""
    rows: list[CheckResult] = []
    for one in checks:
        if rows and breaks_the_rest(rows[0]):
            rows.append(CheckResult(one.name, one.kind, subject.label, Outcome.SKIPPED, NOT_RUN, 0.0))
        else:
            rows.append(run_check(one, subject, expected_failure=expected.get(one.name)))
    return rows


def breaks_the_rest(row: CheckResult) -> bool:
    """Whether the other checks of the subject have nothing to run on."""
    return row.check == INTERFACE and row.outcome is Outcome.FAILED


def is_proven(rows: Sequence[CheckResult]) -> bool:
    """Whether the rows of one subject say much about it: no more than half of the checks were skipped."""
    skipped = sum(row.outcome is Outcome.SKIPPED for row in rows)
    return 2 * skipped <= len(rows)


def refuse_unknown(names: Mapping[str, str], battery: tuple[Check, ...]) -> None:
    """Raise UsageError for a name that is no check of the battery."""
    unknown = sorted(names.keys() - {one.name for one in battery})
    if unknown:
        raise UsageError(f"expected_failures names {', '.join(unknown)}; checks are {', '.join(one.name for one in battery)}")


def _said(error: Exception) -> str:
    """What was raised, and where."""
    raised = "raised a " if isinstance(error, Warning) else ""
    return f"{raised}{type(error).__name__}: {error} ({_where(error)})"


def _with_advice(message: str) -> str:
    """How to avoid a warning that the battery made an error; it may come through a fault that the kernel contained."""
    if "RuntimeWarning: " in message:
        return (
            f"{message}; warnings are errors in the checks: handle the case before the calculation, or, where the result is meant, "
            "wrap it in np.errstate(...)"
        )
    return f"{message}; warnings are errors in the checks: mend its cause" if "Warning: " in message else message


def _where(error: BaseException) -> str:
    """Where the plugin's author has to look; the innermost frame of the kernel when none is the plugin's."""
    frames = traceback.extract_tb(error.__traceback__)
    return raised_at(error) or (f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "no line known")
