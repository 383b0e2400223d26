"""An index that is never negative, said so that the compiler knows it.

Compiled code looks at the sign of every index, because -1 means the last one. That costs three instructions each time and keeps
loops from being vectorised; an index of an unsigned type is taken as it is.
"""

from typing import Any

import numpy as np

from flashcrash_core.detection.compiled_as import compiled_as

__all__ = ["nth"]


def _unsigned(index: int) -> Any:
    return np.uint64(index)


@compiled_as(_unsigned)
def nth(index: int) -> int:
    """``index``, which must not be negative: nothing checks it."""
    return index
