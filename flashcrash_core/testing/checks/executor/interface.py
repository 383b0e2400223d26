"""The descriptor, the configuration class, and what ``build`` gives."""

import inspect
from itertools import count
from typing import Any, Final

from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.configuration import require_configuration_schema
from flashcrash_core.testing.checks.executor.desk import build
from flashcrash_core.testing.checks.executor.runs import simulated
from flashcrash_core.testing.subject import Subject

__all__ = ["MODES", "configuration_schema", "interface"]

MODES: Final = frozenset({"paper", "backtest", "real"})
_METHODS: Final = {"submit": 1, "cancel": 1, "on_market": 2, "due": 1, "pending": 0, "snapshot": 0, "restore": 1}
"""Methods of the seam with the number of arguments they are called with."""


@check("executor")
def configuration_schema(subject: Subject[ExecutorSpec]) -> None:
    """The configuration class is frozen, typed, and its defaults pass its own validators."""
    require_configuration_schema(subject)


@check("executor")
def interface(subject: Subject[ExecutorSpec]) -> None:
    """The descriptor names run modes that exist, and `build` gives an object with every method of the seam that owes nothing yet.

    An executor that serves real runs only is not built without a local endpoint: building one may open connections.
    """
    spec, where = subject.spec, subject.label
    _require(bool(spec.summary.strip()), where, "has no summary; it is what `plugins list` shows")
    _require(isinstance(spec.modes, frozenset), where, f"declares modes {spec.modes!r}; use a frozenset of names")
    _require(bool(spec.modes), where, f"declares no mode, so it can never be used; modes are {', '.join(sorted(MODES))}")
    _require(spec.modes <= MODES, where, f"declares modes {sorted(spec.modes - MODES)}; modes are {', '.join(sorted(MODES))}")
    if simulated(subject):
        return
    executor: Any = build(subject, {}, count(1).__next__)
    _require(executor is not None, where, "was built as None; build must return the executor")
    for name, arguments in _METHODS.items():
        method: Any = getattr(executor, name, None)
        _require(callable(method), where, f"has no method {name}; see flashcrash_core.api.Executor")
        try:
            inspect.signature(method).bind(*range(arguments))
        except TypeError as error:
            raise CheckFailure(f"{where}: {name} cannot be called with {arguments} arguments: {error}") from error
        except ValueError:
            continue  # a builtin without a signature: the plays will tell
    _require(not list(executor.due(10**18)), where, "delivers a notice before any order was sent")
    _require(not executor.pending(), where, "says pending() before any order was sent")


def _require(kept: bool, where: str, what: str) -> None:
    if not kept:
        raise CheckFailure(f"{where} {what}")
