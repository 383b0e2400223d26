"""Word that compiling begins: a first run would else stand still for half a minute without a reason that anybody could see.

numba tells when it compiles, and does not when machine code of an earlier run is found. So nothing is said on a warm start.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

__all__ = ["compiling_began", "telling", "watch"]

_waiting: Final[list[Callable[[], None]]] = []


@contextmanager
def telling(say: Callable[[], None]) -> Iterator[None]:
    """Within, ``say()`` is called once if anything is compiled; in the thread that compiles."""
    _waiting.append(say)
    try:
        yield
    finally:
        if say in _waiting:
            _waiting.remove(say)


def compiling_began() -> None:
    """Something is being compiled, here or in a process that works for this one."""
    try:
        say = _waiting.pop()
    except IndexError:  # nobody waits, or it was said
        return
    say()


@cache
def watch() -> None:
    """Hear of what numba compiles from now on. One that has no such events is not waited for: then nothing is said."""
    try:
        from numba.core import event
    except ImportError:
        return

    class Compiling(event.Listener):  # type: ignore[misc]
        def on_start(self, _event: Any) -> None:
            compiling_began()

        def on_end(self, _event: Any) -> None:
            pass

    event.register("numba:compile", Compiling())
