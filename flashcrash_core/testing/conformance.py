"""Checking plugins from Python: rows instead of tests. ``flashcrash plugins check`` prints these rows."""

from collections.abc import Mapping
from typing import Any

from flashcrash_core.testing.battery import STANDARD, CheckResult, Effort, run_battery
from flashcrash_core.testing.subject import find_subjects

__all__ = [
    "check_executor",
    "check_feed",
    "check_indicator",
    "check_plugin",
    "check_scorer",
    "check_store",
    "check_strategy",
]


def check_plugin(
    plugin: object,
    *,
    kind: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    effort: Effort = STANDARD,
    expected_failures: Mapping[str, str] | None = None,
) -> list[CheckResult]:
    """Every check of everything that ``plugin`` offers, or of one kind or name; one row per check.

    Raises PluginError, ConfigError or UsageError when there is nothing to check; a failed check is a row, not an exception.
    """
    found = find_subjects(plugin, kind=kind, name=name, config=config, effort=effort)
    return [row for subject in found for row in run_battery(subject, expected_failures=expected_failures)]


def check_indicator(plugin: object, **options: Any) -> list[CheckResult]:
    """:func:`check_plugin` for the indicators that ``plugin`` offers."""
    return check_plugin(plugin, kind="indicator", **options)


def check_scorer(plugin: object, **options: Any) -> list[CheckResult]:
    """:func:`check_plugin` for the scorers that ``plugin`` offers."""
    return check_plugin(plugin, kind="scorer", **options)


def check_strategy(plugin: object, **options: Any) -> list[CheckResult]:
    """:func:`check_plugin` for the strategies that ``plugin`` offers."""
    return check_plugin(plugin, kind="strategy", **options)


def check_executor(plugin: object, **options: Any) -> list[CheckResult]:
    """:func:`check_plugin` for the executors that ``plugin`` offers."""
    return check_plugin(plugin, kind="executor", **options)


def check_store(plugin: object, **options: Any) -> list[CheckResult]:
    """:func:`check_plugin` for the stores that ``plugin`` offers."""
    return check_plugin(plugin, kind="store", **options)


def check_feed(plugin: object, **options: Any) -> list[CheckResult]:
    """:func:`check_plugin` for the feeds that ``plugin`` offers."""
    return check_plugin(plugin, kind="feed", **options)
