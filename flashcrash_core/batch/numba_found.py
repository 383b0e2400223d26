"""Which numba is here, and what of it can be used. Nothing is compiled to find out.

What compiles asks for two options beyond numba's documented ones (``_nrt``, ``forceinline``) and for the place of its cache. Tried
with the versions in :data:`TRIED`; one that has these no more compiles without them, slower and with the same results. One that is
too old, or cannot be imported beside the numpy that is here, is not used: then everything is interpreted.
"""

from functools import cache
from importlib import metadata
from importlib.util import find_spec
from typing import Final

__all__ = ["TRIED", "is_installed", "missing_options", "why_unusable"]

TRIED: Final = ("0.61.0", "0.68.1")
"""The oldest and the newest version that the tests of the batch engine ran with."""
_OLDEST: Final = (0, 61)
_PRIVATE: Final = ("_nrt", "forceinline")
_INSTALL: Final = 'pip install "flashcrash[fast]"'


def is_installed() -> bool:
    """Whether there is a numba at all. Costs nothing: it is not imported."""
    return find_spec("numba") is not None


@cache
def why_unusable() -> str:
    """Why nothing can be compiled here, and what to do; "" if it can. Imports numba."""
    if not is_installed():
        return f"numba is not installed ({_INSTALL})"
    version = _version()
    if _numbers(version) < _OLDEST:
        return f"numba {version} is older than {'.'.join(map(str, _OLDEST))}, the oldest that was tried ({_INSTALL})"
    try:
        import numba  # noqa: F401
    except Exception as error:  # it raises more than ImportError where numpy or llvmlite is not the one that it was built for
        return f"numba {version} cannot be imported: {type(error).__name__}: {error} ({_INSTALL})"
    return ""


@cache
def missing_options() -> frozenset[str]:
    """Those of the options beyond the documented ones that this numba does not know."""
    try:
        from numba.core.cpu import CPUTargetOptions
    except ImportError:
        return frozenset(_PRIVATE)
    return frozenset(name for name in _PRIVATE if not hasattr(CPUTargetOptions, name))


def _version() -> str:
    try:
        return metadata.version("numba")
    except metadata.PackageNotFoundError:
        return "of an unknown version"


def _numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version; one that has none is not judged by it."""
    numbers = version.split(".")[:2]
    return tuple(map(int, numbers)) if all(part.isdecimal() for part in numbers) else _OLDEST
