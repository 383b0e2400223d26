"""Two writings of one small function: one that the interpreter runs fast, one that a compiler does.

A sum over a slice of a list is the interpreter's fast way and makes a compiler count references; a loop over indices is the other
way round. Formulas stay written once; where a helper that many formulas share has to be quick both ways, it may be written twice.
Tests hold that both give the same bits.
"""

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["compiled_as", "compiled_form"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled_as(form: Callable[..., Any]) -> Callable[[F], F]:
    """Mark a function: where steps are compiled, ``form`` takes its place. It must give the same results to the bit."""

    def mark(function: F) -> F:
        function.__compiled_as__ = form  # type: ignore[attr-defined]
        return function

    return mark


def compiled_form(function: Callable[..., Any]) -> Callable[..., Any]:
    """What stands for ``function`` in compiled code: itself, unless it was marked."""
    return getattr(function, "__compiled_as__", function)
