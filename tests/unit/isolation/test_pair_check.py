"""The one check over all answers of a row: what it takes for sound, and what it does on an interpreter that it does not know."""

from math import inf, nan
from typing import Any

import pytest

from flashcrash_core.detection import pair_check
from flashcrash_core.detection.pair_check import PairCheck

from .conftest import Play, Played

SHAPES = [(1, 0), (2, 3)]
SOUND: list[Any] = [((1.5,), ()), ((0.0, -2.0), (1e-300, 1e300, 3.0))]


def answers(place: int, value: Any) -> list[Any]:
    """Sound answers, one float of which is another value."""
    flat: list[Any] = [1.5, 0.0, -2.0, 1.0, 2.0, 3.0]
    flat[place] = value
    return [((flat[0],), ()), (tuple(flat[1:3]), tuple(flat[3:]))]


@pytest.mark.parametrize("place", range(6))
def test_every_place_is_looked_at(place: int) -> None:
    """An infinity, an int, a bool or None is seen wherever it stands; NaN and the largest float are sound everywhere."""
    check = PairCheck(SHAPES)
    for value in (nan, -nan, 1.7976931348623157e308, 0.0, nan, 1.0):
        assert check.sound(answers(place, value)), value
    for value in (inf, -inf, 1, True, None, "12345678", b"1234", (1.0,)):
        assert not check.sound(answers(place, value)), value


def test_other_containers_are_not_tuples() -> None:
    """Lists and other lengths do not pass."""
    check = PairCheck(SHAPES)
    assert check.sound(SOUND)
    for wrong in ([[1.5], []], ([1.5], ()), ((1.5,), []), ((), (1.5,)), ((1.5, 1.5), ()), (1.5,), None):
        assert not check.sound([wrong, SOUND[1]]), wrong


def test_an_unknown_layout_costs_time_and_no_safety(monkeypatch: pytest.MonkeyPatch, play: Play, plain: Played) -> None:
    """There nothing passes the quick look, every row gets the closer one, and the run decides as ever, without a fault."""
    monkeypatch.setattr(pair_check, "_layout_is_known", lambda: False)
    assert not PairCheck(SHAPES).sound(SOUND)
    played = play()
    assert played.faults == []
    assert played.decisions() == plain.decisions()
