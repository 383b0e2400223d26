"""Compiling plain functions: what goes into the name of the cache, and what a plugin's code may not do unnoticed."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flashcrash_core.batch.compiling import Opaque, cache_directory, compiled, compiled_in_one, fingerprint, specialised

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


def scaled_by(factor: float) -> Any:
    """A function that closes over a number."""

    def scale(x: float) -> float:
        return x * factor

    return scale


def test_functions_that_close_over_different_values_are_different() -> None:
    """Two made by one ``def`` share their code and not what they do."""
    two, three = scaled_by(2.0), scaled_by(3.0)
    assert fingerprint(two) != fingerprint(three)
    assert (compiled(two)(10.0), compiled(three)(10.0)) == (20.0, 30.0)


def with_default(x: float, *, factor: float = 2.0) -> float:
    """Has a default that only names itself."""
    return x * factor


def through_a_module(x: float) -> float:
    """Reaches a helper that nobody can follow."""
    return float(os.path.getsize("x")) + x


def with_an_array(x: float) -> float:
    """Reads a table."""
    return float(TABLE[0]) + x


def with_a_comprehension(x: float) -> float:
    """Names a constant inside a generator only."""
    return sum(part * FACTOR for part in (x, x))


TABLE = np.zeros(3)


def test_keyword_defaults_and_names_inside_comprehensions_count() -> None:
    """What is read in an inner scope, or stands as a default, is part of what a function does."""
    before = fingerprint(with_a_comprehension)  # type: ignore[arg-type]
    other = {**with_a_comprehension.__globals__, "FACTOR": 5.0}  # type: ignore[attr-defined]
    twin = type(with_a_comprehension)(with_a_comprehension.__code__, other, "with_a_comprehension")  # type: ignore[attr-defined]
    assert fingerprint(twin) != before
    first = fingerprint(with_default)  # type: ignore[arg-type]
    with_default.__kwdefaults__["factor"] = 4.0  # type: ignore[attr-defined]
    try:
        assert fingerprint(with_default) != first  # type: ignore[arg-type]
    finally:
        with_default.__kwdefaults__["factor"] = 2.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("function", [through_a_module, with_an_array])
def test_what_cannot_be_followed_is_not_compiled(function: Any) -> None:
    """Helpers behind a module and tables have no text that stands for them: such code is interpreted."""
    with pytest.raises(Opaque):
        fingerprint(function)


def test_a_cache_that_cannot_be_written_mixes_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """numba would fall back to a folder beside the source, in which templates of one name are one file."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("FLASHCRASH_CACHE_DIR", str(blocked / "below"))
    changed = specialised(doubled, helper=other_helper, FACTOR=7.0)  # type: ignore[arg-type]
    again = specialised(doubled, FACTOR=11.0)  # type: ignore[arg-type]
    assert (compiled(changed)(3.0), compiled(again)(3.0)) == (35.0, 44.0)
