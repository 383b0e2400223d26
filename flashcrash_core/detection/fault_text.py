"""What is told of a fault: its kind, what the plugin said, and the file and line where its author has to look.

A fault is journalled, and a replay on another machine must tell the same. So a place is a base name and a line,
never a path.
"""

from os.path import basename, dirname
from traceback import walk_tb
from types import CodeType, TracebackType
from typing import Final

from flashcrash_core.detection.interrupts import let_interrupt_pass

__all__ = ["Misbehaviour", "describe", "explain", "named"]

_LONGEST: Final = 300
"""Characters kept of what a plugin said."""
_KERNEL: Final = dirname(dirname(__file__))
_PASSED_OVER: Final = (_KERNEL, "<")
"""Frames of the kernel and of generated methods are not where an author looks."""


class Misbehaviour(Exception):
    """A plugin broke its contract without raising. ``kind`` is the fault's kind (``wrong_type``, ``wrong_shape`` ...)."""

    def __init__(self, kind: str, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.told = told
        """The message is a journal's, and names its place already."""


def describe(error: BaseException) -> tuple[str, str]:
    """``(kind, message)`` of a failure. Survives exceptions whose text raises; keeps no object of the plugin."""
    if isinstance(error, Misbehaviour):
        kind, message = error.kind, str(error)
    else:
        kind = "raised"
        name = type.__getattribute__(type(error), "__name__")
        try:
            text = str(error)
            message = f"{name}: {text}" if text else name
        except BaseException as second:
            let_interrupt_pass(second)
            message = f"{name} (its text cannot be had)"
    # A lone surrogate could not be stored, and an endless text would be stored for ever.
    return kind, message[:_LONGEST].encode("utf-8", "backslashreplace").decode()


def explain(error: BaseException, owner: object = None, method: str = "") -> tuple[str, str]:
    """As :func:`describe`, with ``(file.py:line)`` at the end of the message where a place is known.

    It is the innermost frame in the plugin's own package. An answer that was wrong has no frame any more: its place is where
    ``method`` of ``owner`` is defined.
    """
    kind, message = describe(error)
    if isinstance(error, Misbehaviour):
        place = "" if error.told else _defined_at(owner, method)
    else:
        place = _raised_at(error.__traceback__)
    return kind, f"{message} ({place})" if place else message


def _raised_at(traceback: TracebackType | None) -> str:
    package = place = ""
    for frame, line in walk_tb(traceback):
        file = frame.f_code.co_filename
        if file.startswith(_PASSED_OVER):
            continue
        module = frame.f_globals.get("__name__")
        own = module.partition(".")[0] if type(module) is str else ""
        if not place:
            package = own
        if own == package:
            place = f"{basename(file)}:{line}"
    return place


def _defined_at(owner: object, method: str) -> str:
    try:
        code = getattr(getattr(owner, method, None), "__code__", None)
    except BaseException as error:  # an object of a plugin, asked for its own methods
        let_interrupt_pass(error)
        return ""
    if type(code) is not CodeType or code.co_filename.startswith(_PASSED_OVER):
        return ""
    return f"{basename(code.co_filename)}:{code.co_firstlineno}"


def named(value: object) -> str:
    """A type by name, without asking the value anything."""
    name = type.__getattribute__(type(value), "__name__")
    return "None" if value is None else f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"
