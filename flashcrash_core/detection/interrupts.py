"""Whose a KeyboardInterrupt is: the user's, which passes every guard, or a plugin's, which is a fault like any other.

A runner that takes the signals itself can tell: its handler raises only when the user insists, on the second Ctrl-C. It says so
here for as long as it runs (:func:`attended`). A KeyboardInterrupt before that was raised by a plugin. Without such a runner (the
harness between two events, a plugin that is being built) nobody can tell, and it passes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["attended", "let_interrupt_pass"]

_insists: ContextVar[Callable[[], bool] | None] = ContextVar("flashcrash_user_insists", default=None)
"""Of the thread that runs: two runs in two threads do not answer for one another."""


@contextmanager
def attended(insists: Callable[[], bool]) -> Iterator[None]:
    """While this holds, ``insists()`` tells whether the user has interrupted and asked again."""
    token = _insists.set(insists)
    try:
        yield
    finally:
        _insists.reset(token)


def let_interrupt_pass(error: BaseException) -> None:
    """Raise ``error`` once more if it is the user's interrupt; return for everything that a plugin may have raised."""
    if isinstance(error, KeyboardInterrupt):
        insists = _insists.get()
        if insists is None or insists():
            raise error
