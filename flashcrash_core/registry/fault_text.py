"""What a plugin raised, in one line that ends with the file and line where its author has to look."""

import traceback
from pathlib import Path
from typing import Final

import attr
import pluggy

__all__ = ["fault_text", "raised_at"]

_KERNEL: Final = str(Path(__file__).parents[1])
_MACHINERY: Final = (_KERNEL, *(str(Path(module.__file__).parent) for module in (attr, pluggy) if module.__file__), "<")
"""Frames of these are passed over: validators of the kernel, generated methods of attrs, hook calls, frozen modules."""


def fault_text(error: BaseException) -> str:
    """``TypeName: message (file:line)``, without a place when none is known (:func:`raised_at`)."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    place = raised_at(error)
    return f"{text} ({place})" if place else text


def raised_at(error: BaseException) -> str:
    """``file:line`` of the innermost frame outside kernel, attrs, pluggy and import machinery; "" when there is none.

    A syntax error has no frame of its own: it is the file and line that could not be read.
    """
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _is_machinery(filename: str) -> bool:
    return filename.startswith(_MACHINERY) or Path(filename).parent.name == "importlib"
