"""What the fields of a plugin's descriptors may hold: attrs validators whose messages are written for the plugin's author.

A descriptor is made in the plugin's own code, so the error is raised there, and the registry reports it with that file and line.
"""

import re
from collections.abc import Callable, Collection, Mapping
from math import isfinite
from typing import Any, Final

__all__ = ["function", "instance", "name", "names", "seconds", "subset", "switch", "text", "word", "writers"]

Validator = Callable[[Any, Any, Any], None]

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LONGEST: Final = 64


def name(_spec: Any, attribute: Any, value: Any) -> None:
    """Lower-case letters, digits, ``-`` and ``_``, at most 64 characters, first a letter."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        size = f"{len(value)} characters, at most {_LONGEST}; " if isinstance(value, str) and len(value) > _LONGEST else ""
        raise _error(value, str, f"{attribute.name} {value!r}: {size}lower-case letters, digits, - and _, starting with a letter")


def text(_spec: Any, attribute: Any, value: Any) -> None:
    """A str."""
    if not isinstance(value, str):
        raise TypeError(f"{attribute.name} {value!r}: must be text")


def word(*allowed: str) -> Validator:
    """One of these words."""

    def validate(_spec: Any, attribute: Any, value: Any) -> None:
        if value not in allowed:
            raise ValueError(f"{attribute.name} {value!r}: must be {' or '.join(allowed)}")

    return validate


def switch(_spec: Any, attribute: Any, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{attribute.name} {value!r}: must be True or False")


def names(_spec: Any, attribute: Any, value: Any) -> None:
    """A tuple of str; one str alone would be a tuple of its letters."""
    if isinstance(value, str):
        raise TypeError(f"{attribute.name} {value!r}: must be a tuple of names; write ({value!r},)")
    if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
        raise TypeError(f'{attribute.name} {value!r}: must be a tuple of names, as in ("share",)')


def seconds(_spec: Any, attribute: Any, value: Any) -> None:
    """A finite number of seconds, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise _error(value, (int, float), f"{attribute.name} {value!r}: must be a number of seconds, 0 or more")


def subset(allowed: Collection[str]) -> Validator:
    """A frozenset of some of these words."""
    words = ", ".join(f'"{word}"' for word in sorted(allowed))

    def validate(_spec: Any, attribute: Any, value: Any) -> None:
        if not isinstance(value, frozenset):
            given = f'{{"{value}"}}' if isinstance(value, str) else "{...}"
            raise TypeError(f"{attribute.name} {value!r}: must be a frozenset; write frozenset({given})")
        for word in sorted(value - set(allowed), key=repr):
            raise ValueError(f"{attribute.name}: there is no {word!r}; it may hold {words}")

    return validate


def instance(kind: type[Any], how: str, *, optional: bool = False) -> Validator:
    """One of ``kind``, or None if ``optional``; ``how`` says how to write it."""
    article = "an" if kind.__name__[0] in "aeiou" else "a"

    def validate(_spec: Any, attribute: Any, value: Any) -> None:
        if not isinstance(value, kind) and not (optional and value is None):
            raise TypeError(f"{attribute.name} {value!r}: must be {article} {kind.__name__}; write {how}")

    return validate


def function(*, optional: bool = False) -> Validator:
    """Something that can be called, or None if ``optional``."""

    def validate(_spec: Any, attribute: Any, value: Any) -> None:
        if not callable(value) and not (optional and value is None):
            raise TypeError(f"{attribute.name} {value!r}: must be a function{' or None' if optional else ''}")

    return validate


def writers(_spec: Any, attribute: Any, value: Any) -> None:
    """A mapping of names to functions."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and callable(one) for key, one in value.items()):
        raise TypeError(f"{attribute.name} {value!r}: must map names to functions")


def _error(value: Any, kinds: Any, message: str) -> Exception:
    """TypeError for a value of another type, ValueError for one of the right type."""
    return ValueError(message) if isinstance(value, kinds) else TypeError(message)
