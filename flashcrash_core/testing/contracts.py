"""The contract classes: three lines in an author's test file, and every check of the battery is a test.

::

    from flashcrash_core.testing import IndicatorContract


    class TestMyVpin(IndicatorContract):
        plugin = "my-vpin"

``plugin`` is what stands in ``--plugins`` (a name, ``pkg.mod``, ``./file.py``) or a plugin object. ``name`` picks one of several
offers, ``config`` is its table. ``expected_failures`` maps a check to the reason why it fails for now; it is strict: a check that
passes again fails the test until it is taken out. ``local_endpoint`` is for what reaches out (a live feed, an executor of real runs
only): settings that point it at an exchange on this machine. Without it such a plugin is connected to nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from flashcrash_core.errors import FlashcrashError
from flashcrash_core.testing.battery import (
    NOT_RUN,
    STANDARD,
    Check,
    CheckResult,
    Effort,
    Outcome,
    battery_of,
    breaks_the_rest,
    refuse_unknown,
    run_check,
)
from flashcrash_core.testing.subject import Subject, find_subjects

__all__ = [
    "ExecutorContract",
    "FeedContract",
    "IndicatorContract",
    "PluginContract",
    "ScorerContract",
    "StoreContract",
    "StrategyContract",
]


class PluginContract:
    """Base of the contract classes; use the one of your kind."""

    plugin: ClassVar[object] = ""
    name: ClassVar[str | None] = None
    config: ClassVar[Mapping[str, Any]] = {}
    local_endpoint: ClassVar[Mapping[str, Any] | None] = None
    expected_failures: ClassVar[Mapping[str, str]] = {}
    effort: ClassVar[Effort] = STANDARD
    kind: ClassVar[str] = ""
    _found: ClassVar[list[Subject[Any]] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._found = None
        if "kind" in vars(cls):
            for check in battery_of(cls.kind):
                setattr(cls, f"test_{check.name}", _test_of(check))

    @classmethod
    def subjects(cls) -> list[Subject[Any]]:
        """What is checked; found once per class. Raises FlashcrashError when the plugin cannot be loaded."""
        if cls._found is None:
            cls._found = find_subjects(
                cls.plugin,
                kind=cls.kind,
                name=cls.name,
                config=cls.config,
                effort=cls.effort,
                local_endpoint=cls.local_endpoint,
            )
        return cls._found


def _subjects_or_fail(contract: type[PluginContract]) -> list[Subject[Any]]:
    """What is checked. A plugin that cannot be loaded fails every test: a skipped one would look sound under ``-k``."""
    __tracebackhide__ = True
    try:
        refuse_unknown(dict(contract.expected_failures), battery_of(contract.kind))
        return contract.subjects()
    except FlashcrashError as error:
        pytest.fail(str(error), pytrace=False)


def _row(contract: type[PluginContract], check: Check, subject: Subject[Any]) -> CheckResult:
    first = battery_of(contract.kind)[0]
    if check is not first and first.name not in contract.expected_failures and breaks_the_rest(run_check(first, subject)):
        return CheckResult(check.name, check.kind, subject.label, Outcome.FAILED, f"{subject.label}: {NOT_RUN}", 0.0)
    return run_check(check, subject, expected_failure=contract.expected_failures.get(check.name))


def _test_of(check: Check) -> Callable[[PluginContract], None]:
    def test(self: PluginContract) -> None:
        __tracebackhide__ = True
        contract = type(self)
        results = [_row(contract, check, subject) for subject in _subjects_or_fail(contract)]
        bad = [result.message for result in results if not result.outcome.good]
        if bad:
            pytest.fail("\n".join(bad), pytrace=False)
        if any(result.outcome is Outcome.EXPECTED_FAILURE for result in results):
            pytest.xfail(results[0].message)
        if all(result.outcome is Outcome.SKIPPED for result in results):
            pytest.skip(results[0].message)

    test.__name__ = test.__qualname__ = f"test_{check.name}"
    test.__doc__ = check.summary
    return test


class IndicatorContract(PluginContract):
    """Every check of an indicator, as tests."""

    kind = "indicator"


class ScorerContract(PluginContract):
    """Every check of a scorer, as tests."""

    kind = "scorer"


class StrategyContract(PluginContract):
    """Every check of a strategy, as tests."""

    kind = "strategy"


class ExecutorContract(PluginContract):
    """Every check of an executor, as tests."""

    kind = "executor"


class StoreContract(PluginContract):
    """Every check of a store, as tests."""

    kind = "store"


class FeedContract(PluginContract):
    """Every check of a feed, as tests."""

    kind = "feed"
