"""Work that several checks of one subject share, done once: a second process or a whole play costs more than any look at it."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["once"]

T = TypeVar("T")

_kept: list[tuple[object, dict[Hashable, Any]]] = []
"""The newest subject with what was made for it. It is kept itself, so that no other can have its identity."""


def once(subject: object, what: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, kept under the name ``what`` while checks are about this very subject; nobody may change it.

    Nothing is kept of a ``make`` that raises.
    """
    if not (_kept and _kept[0][0] is subject):
        _kept[:] = [(subject, {})]
    answers = _kept[0][1]
    if what not in answers:
        answers[what] = make()
    answer: T = answers[what]
    return answer
