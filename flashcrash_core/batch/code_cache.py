"""Machine code that numba keeps on disk, for functions that are called with types of several plugins.

numba keeps one index of argument types per function, and reading it imports the modules of all types in it. A function of the
kernel that one plugin called with a record of its own could not be looked up any more by a run without that plugin. So an index
that cannot be read here is left to those who can read it, and the next folder is used: each has its own code, and nothing is
overwritten.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any, Final

__all__ = ["tolerate_foreign_types"]

_MANY: Final = 1_000
"""Folders of one function: more than anybody has plugins."""


def tolerate_foreign_types(made: Any) -> None:
    """Let the compiled function ``made`` keep its code beside that of plugins that are not here. ``made`` has its cache enabled."""
    file = getattr(getattr(made, "_cache", None), "_cache_file", None)
    read: Callable[[], Any] | None = getattr(file, "_load_index", None)
    if file is None or read is None or not hasattr(file, "_index_path"):
        return  # a numba that keeps its code in another way
    first, name = file._cache_path, os.path.basename(file._index_path)

    def load_index() -> Any:
        for number in range(1, _MANY):
            with contextlib.suppress(ImportError, AttributeError):  # a module, or a name in one, that is not here
                return read()
            file._cache_path = f"{first}-{number}"
            file._index_path = os.path.join(file._cache_path, name)
            os.makedirs(file._cache_path, exist_ok=True)
        return read()

    file._load_index = load_index
