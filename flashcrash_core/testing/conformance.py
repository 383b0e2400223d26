"""Checking plugins from Python: rows instead of tests. ``flashcrash plugins check`` prints these rows."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from flashcrash_core.config import did_you_mean, nearest
from flashcrash_core.errors import UsageError
from flashcrash_core.registry import KINDS
from flashcrash_core.testing.battery import QUICK, STANDARD, THOROUGH, CheckResult, Effort, battery_of, run_battery, run_checks
from flashcrash_core.testing.subject import find_subjects

__all__ = [
    "Task",
    "check_executor",
    "check_feed",
    "check_indicator",
    "check_plugin",
    "check_scorer",
    "check_store",
    "check_strategy",
    "run_task",
    "tasks_of",
]

_NEAR: Final = 0.8
"""How alike (0 to 1) a word of a check's name must be to what was typed."""
EFFORTS: Final = {effort.name: effort for effort in (QUICK, STANDARD, THOROUGH)}


def check_plugin(
    plugin: object,
    *,
    kind: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    effort: Effort = STANDARD,
    expected_failures: Mapping[str, str] | None = None,
    local_endpoint: Mapping[str, Any] | None = None,
) -> list[CheckResult]:
    """Every check of everything that ``plugin`` offers, or of one kind or name; one row per check.

    ``local_endpoint``: see :func:`~flashcrash_core.testing.subject.find_subjects`. Of a subject with many skipped checks
    :func:`~flashcrash_core.testing.battery.is_proven` tells whether the rest proves much.

    Raises PluginError, ConfigError or UsageError when there is nothing to check; a failed check is a row, not an exception.
    """
    found = find_subjects(plugin, kind=kind, name=name, config=config, effort=effort, local_endpoint=local_endpoint)
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


@frozen
class Task:
    """The checks of one thing that one plugin offers, in words that another process understands."""

    element: str
    kind: str
    name: str
    origin: str
    label: str
    selection: str
    """What loads it, so that the other process need not find it out again."""
    effort: str
    only: tuple[str, ...]


def tasks_of(element: str, *, effort: str = STANDARD.name, only: tuple[str, ...] = ()) -> list[Task]:
    """One task for each thing that the plugin offers and ``only`` leaves something of. Raises UsageError for an unknown check."""
    subjects = find_subjects(element)
    known = {check.name for kind in KINDS for check in battery_of(kind)}
    for name in only:
        if name not in known:
            raise UsageError(f'there is no check "{name}"; {_meant(name, sorted({subject.kind for subject in subjects}))}')
    return [
        Task(element, subject.kind, subject.spec.name, subject.origin, subject.label, subject.selection, effort, only)
        for subject in subjects
        if not only or {check.name for check in battery_of(subject.kind)} & set(only)
    ]


def _meant(name: str, kinds: Sequence[str]) -> str:
    """The checks of these kinds of which one word, or the whole name, is near; all of them when none is."""
    checks = list(dict.fromkeys(check.name for kind in kinds for check in battery_of(kind)))
    if nearest(name, checks) is not None:
        return did_you_mean(name, checks)
    near = [check for check in checks if difflib.get_close_matches(name.lower(), check.split("_"), n=1, cutoff=_NEAR)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"checks of {' and '.join(kinds)} plugins: {', '.join(checks)}"


def run_task(task: Task) -> list[CheckResult]:
    """Run a task's checks, in this process."""
    (subject,) = find_subjects(task.element, kind=task.kind, name=task.name, effort=EFFORTS[task.effort], selection=task.selection)
    return run_checks(subject, [check for check in battery_of(task.kind) if not task.only or check.name in task.only])
