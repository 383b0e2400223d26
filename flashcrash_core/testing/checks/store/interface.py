"""The descriptor, the configuration class, and what ``build`` gives."""

import inspect
from typing import Any, Final

from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.configuration import require_configuration_schema
from flashcrash_core.testing.checks.store.places import database, has_a_place, opened, require
from flashcrash_core.testing.subject import Subject

__all__ = ["configuration_schema", "interface"]

_END: Final = {"status": "", "wall_ended": "", "decision_hash": "", "summary": {}}
_METHODS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "begin_session": (1, {}), "write": (2, {}), "commit": (0, {}), "save_snapshot": (2, {}), "end_session": (1, _END),
    "reopen_session": (1, {}), "sessions": (0, {}), "session": (1, {}), "read": (2, {}), "latest_snapshot": (1, {}),
    "close": (0, {}),
}  # fmt: skip
"""Methods of the seam with the arguments they are called with: how many by position, and which by name."""


@check("store")
def configuration_schema(subject: Subject[StoreSpec]) -> None:
    """The configuration class is frozen, typed, and its defaults pass its own validators."""
    require_configuration_schema(subject)


@check("store")
def interface(subject: Subject[StoreSpec]) -> None:
    """The descriptor has a summary, and `build` creates an empty database, where one can be, with every method of the seam."""
    spec, where = subject.spec, subject.label
    require(bool(spec.summary.strip()), where, "has no summary; it is what `plugins list` shows")
    history = spec.history
    require(history is None or history.newest >= 1, where, "declares a history without a version; the first version is 1")
    if has_a_place(subject):
        return
    with database(subject) as location, opened(subject, location) as store:
        for name, (positional, named) in _METHODS.items():
            method: Any = getattr(store, name, None)
            require(callable(method), where, f"has no method {name}; see flashcrash_core.api.Store")
            try:
                inspect.signature(method).bind(*range(positional), **named)
            except TypeError as error:
                raise CheckFailure(f"{where}: {name} cannot be called as the kernel calls it: {error}") from error
        require(store.sessions() == [], where, "a new database holds sessions")
