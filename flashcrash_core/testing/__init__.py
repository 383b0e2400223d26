"""Public test support for plugin authors: contracts, checks, tapes, rows, and a harness around a whole session.

Each part is imported when it is first asked for: pytest loads the plugin of this package in every session, also in those that do
not test flashcrash, and must not load the kernel with it. Only the contract classes need pytest.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flashcrash_core.testing.battery import (
        QUICK,
        STANDARD,
        THOROUGH,
        Check,
        CheckFailure,
        CheckResult,
        Effort,
        Outcome,
        battery_of,
        is_proven,
        run_battery,
    )
    from flashcrash_core.testing.clock import ManualClock
    from flashcrash_core.testing.conformance import (
        check_executor,
        check_feed,
        check_indicator,
        check_plugin,
        check_scorer,
        check_store,
        check_strategy,
    )
    from flashcrash_core.testing.contracts import (
        ExecutorContract,
        FeedContract,
        IndicatorContract,
        PluginContract,
        ScorerContract,
        StoreContract,
        StrategyContract,
    )
    from flashcrash_core.testing.harness import PluginHarness
    from flashcrash_core.testing.row_readings import RowReading
    from flashcrash_core.testing.rows import EPOCH_US, ROWS_PER_SECOND, RowBar, drive, make_rows, row, rows_of
    from flashcrash_core.testing.subject import Subject, find_subjects
    from flashcrash_core.testing.tapes import TAPES, Facts, Tape, feature_rows, tape

__all__ = [
    "EPOCH_US",
    "QUICK",
    "ROWS_PER_SECOND",
    "STANDARD",
    "TAPES",
    "THOROUGH",
    "Check",
    "CheckFailure",
    "CheckResult",
    "Effort",
    "ExecutorContract",
    "Facts",
    "FeedContract",
    "IndicatorContract",
    "ManualClock",
    "Outcome",
    "PluginContract",
    "PluginHarness",
    "RowBar",
    "RowReading",
    "ScorerContract",
    "StoreContract",
    "StrategyContract",
    "Subject",
    "Tape",
    "battery_of",
    "check_executor",
    "check_feed",
    "check_indicator",
    "check_plugin",
    "check_scorer",
    "check_store",
    "check_strategy",
    "drive",
    "feature_rows",
    "find_subjects",
    "is_proven",
    "make_rows",
    "row",
    "rows_of",
    "run_battery",
    "tape",
]

_PARTS: Final[dict[str, str]] = {
    "battery": "QUICK STANDARD THOROUGH Check CheckFailure CheckResult Effort Outcome battery_of is_proven run_battery",
    "clock": "ManualClock",
    "conformance": "check_executor check_feed check_indicator check_plugin check_scorer check_store check_strategy",
    "contracts": "ExecutorContract FeedContract IndicatorContract PluginContract ScorerContract StoreContract StrategyContract",
    "harness": "PluginHarness",
    "row_readings": "RowReading",
    "rows": "EPOCH_US ROWS_PER_SECOND RowBar drive make_rows row rows_of",
    "subject": "Subject find_subjects",
    "tapes": "TAPES Facts Tape feature_rows tape",
}
"""Module to the names that it gives."""
_HOME: Final = {name: module for module, names in _PARTS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = f"{__name__}.{_HOME[name]}"
    try:
        module = importlib.import_module(home)
    except AttributeError as error:  # "from ... import" would take it for a missing name and hide what happened
        raise ImportError(f"{home} cannot be imported, so there is no {name}: AttributeError: {error}") from error
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
