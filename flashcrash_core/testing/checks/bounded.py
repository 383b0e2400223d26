"""Calls that must come back: made in a thread of their own, so that a plugin that waits for ever fails its check only."""

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Unanswered", "answered"]

T = TypeVar("T")


class Unanswered(Exception):
    """The call has not come back in time. Its thread goes on waiting; it is a daemon and holds nobody up."""


def answered(call: Callable[[], T], seconds: float, name: str) -> T:
    """What ``call`` gives, or raises, within that time. Raises Unanswered when it does neither. ``name`` is the thread's."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise Unanswered(f"{name} has not come back within {seconds:g} s")
    return results[0]
