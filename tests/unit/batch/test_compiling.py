"""Compiling plain functions: what goes into the name of the cache, and what a plugin's code may not do unnoticed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flashcrash_core.batch.compiling import cache_directory, compiled, compiled_in_one, fingerprint, specialised

pytest.importorskip("numba", reason="numba is not installed; nothing is compiled")

FACTOR = 2.0


def helper(x: float) -> float:
    """Half of what :func:`doubled` does."""
    return x + 1.0


def other_helper(x: float) -> float:
    """Of the same name in another place, with other code."""
    return x + 2.0


def doubled(x: float) -> float:
    """Calls a function and reads a constant."""
    return helper(x) * FACTOR


def past_the_end(values: Any, index: int) -> float:
    """Reads where it is told."""
    value: float = values[index]
    return value


def test_compiled_functions_give_what_the_interpreter_gives() -> None:
    """What a function calls is compiled with it."""
    assert compiled(doubled)(3.0) == doubled(3.0) == 8.0


def test_the_cache_knows_what_a_function_calls() -> None:
    """Another callee or another constant is another function, though its own source is the same."""
    changed = specialised(doubled, helper=other_helper)  # type: ignore[arg-type]
    scaled = specialised(doubled, FACTOR=3.0)  # type: ignore[arg-type]
    assert len({fingerprint(one) for one in (doubled, changed, scaled)}) == 3  # type: ignore[arg-type]
    assert compiled(changed)(3.0) == 10.0
    assert compiled(scaled)(3.0) == 12.0


def test_a_name_that_is_not_there_cannot_be_replaced() -> None:
    """A template that changed says so instead of running with the stand-in."""
    with pytest.raises(NameError, match="uses no global named 'nothing'"):
        specialised(doubled, nothing=1)  # type: ignore[arg-type]


def test_an_index_past_the_end_of_a_list_raises_as_it_does_live() -> None:
    """Machine code of a plugin must not read or write memory that is not its own."""
    with pytest.raises(IndexError):
        compiled_in_one(past_the_end, guarded=True)(np.zeros(3), 5)


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLASHCRASH_CACHE_DIR comes first, then the user's cache directory."""
    monkeypatch.setenv("FLASHCRASH_CACHE_DIR", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("FLASHCRASH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory().name == "flashcrash"
