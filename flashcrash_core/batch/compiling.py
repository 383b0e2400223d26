"""Compile plain functions with numba where it is installed; the same source runs interpreted where it is not.

Formulas, judgements and the passes of this package are ordinary Python functions written in the subset that numba compiles. So
nothing here is a second version of anything: what is compiled is the function that the streaming engine calls.

Machine code is kept on disk (``FLASHCRASH_CACHE_DIR``, else the user's cache directory). numba's own cache looks at one source file
only and would go on using a function after one that it calls has changed; here the directory is named by everything that went in.
"""

import hashlib
import marshal
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from flashcrash_core.batch import numba_found
from flashcrash_core.batch.code_cache import tolerate_foreign_types
from flashcrash_core.batch.compiling_notice import watch
from flashcrash_core.detection.compiled_as import compiled_form

__all__ = [
    "Opaque",
    "cache_directory",
    "compiled",
    "compiled_in_one",
    "fingerprint",
    "is_available",
    "is_of_the_compiler",
    "specialised",
]

_APART: Final = ""
_IN_ONE: Final = "-in-one"
_CALLED_IN_ONE: Final = "-called-in-one"
_GUARDED: Final = "-guarded"
_OPTIONS: Final[dict[str, dict[str, bool]]] = {
    _APART: {},
    _IN_ONE: {"_nrt": False},
    _CALLED_IN_ONE: {"_nrt": False, "forceinline": True},
}
"""What numba is told beside the usual, as far as it knows it (:mod:`.numba_found`): ``_nrt`` counts references."""

_PLAIN: Final = (int, float, complex, bool, str, bytes)
_LIBRARIES: Final = ("math", "cmath", "numpy")
_done: Final[dict[str, Any]] = {}


class Opaque(ValueError):
    """What a function does cannot be told from its code: two that differ might be taken for one. It is not compiled."""


def is_available() -> bool:
    """Whether there is a numba that can be used: without it the batch engine is not offered. Imports it."""
    return not numba_found.why_unusable()


def cache_directory() -> Path:
    """Where flashcrash keeps what it can make again."""
    if chosen := os.environ.get("FLASHCRASH_CACHE_DIR"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache"))
    return Path(base) / "flashcrash"


def specialised(template: FunctionType, **names: Any) -> FunctionType:
    """``template`` with other functions or constants in place of some of its globals. Raises NameError for one that it has not."""
    for name in names:
        if name not in template.__code__.co_names:
            raise NameError(f"{template.__qualname__} uses no global named {name!r}")
    scope = {**template.__globals__, **names}
    return FunctionType(template.__code__, scope, template.__name__, template.__defaults__, template.__closure__)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` and all that it calls as machine code, made at the first call with each combination of types.

    Raises ImportError without numba. What numba cannot compile raises one of its errors at the first call.
    """
    return _made(function, _APART)  # type: ignore[no-any-return]


def compiled_in_one(function: Callable[..., Any], *, guarded: bool = False) -> Callable[..., Any]:
    """:func:`compiled` for a loop that very often calls small functions with tuples of arrays. Results are the same.

    What is called is put into the loop, and references are not counted: else most of the time goes into handing tuples over field
    by field, and into counts for arrays that the caller holds anyway. A function that makes arrays or lists cannot do without
    counts: the first call finds out, and it is compiled as by :func:`compiled`.

    ``guarded``: an index past an array raises IndexError, as live. For code of plugins, which else could read and write foreign
    memory unnoticed.
    """
    guard = _GUARDED if guarded else ""
    chosen = [_made(function, _IN_ONE + guard)]

    def call(*arguments: Any) -> Any:
        try:
            return chosen[-1](*arguments)
        except Exception as error:
            if len(chosen) > 1 or not is_of_the_compiler(error):
                raise
            chosen.append(_made(function, _APART + guard))  # compiling comes before running: nothing was done yet
            return chosen[-1](*arguments)

    return call


def _made(function: Callable[..., Any], manner: str) -> Any:
    function = compiled_form(function)
    assert isinstance(function, FunctionType)
    identity = fingerprint(function) + manner
    if identity not in _done:
        _done[identity] = _compile(function, identity, manner)
    return _done[identity]


def is_of_the_compiler(error: Exception) -> bool:
    """Whether the function could not be compiled, rather than failed."""
    return isinstance(error, Opaque) or type(error).__module__.partition(".")[0] in ("numba", "llvmlite")


def fingerprint(function: FunctionType) -> str:
    """What the function does, and all that it calls: equal code and constants give an equal text, in any process.

    Raises Opaque where that cannot be told: a helper that is reached through a module, an object with methods, an array.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(function, {}):
        digest.update(part)
    return digest.hexdigest()


def _compile(function: FunctionType, identity: str, manner: str) -> Any:
    import numba

    watch()
    how, guard = manner.removesuffix(_GUARDED), _GUARDED if manner.endswith(_GUARDED) else ""
    scope = dict(function.__globals__)
    for name in _names(function.__code__):
        callee = scope.get(name)
        if isinstance(callee, FunctionType):
            scope[name] = _made(callee, (_CALLED_IN_ONE if how != _APART else _APART) + guard)
    twin = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    twin.__qualname__ = function.__qualname__
    twin.__module__ = function.__module__
    # No fastmath, which may reorder sums, and a division by zero raises: what comes out must equal the interpreter's to the bit.
    options = {"nogil": True, "error_model": "python", "boundscheck": bool(guard), **_OPTIONS[how]}
    for missing in numba_found.missing_options() & options.keys():
        del options[missing]
    made = numba.njit(**options)(twin)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_directory() / "code" / f"numba-{numba.__version__}" / identity)
    try:
        made.enable_caching()
        if identity not in str(getattr(getattr(made, "_cache", None), "cache_path", "")):
            # The directory cannot be written, and numba went to one beside the source, where functions of one name are one file.
            return numba.njit(**options)(twin)
    finally:
        numba.config.CACHE_DIR = before
    tolerate_foreign_types(made)
    return made


def _names(code: CodeType) -> list[str]:
    """Globals (and attributes) that the code names, inner functions and comprehensions included."""
    names = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            names.update(_names(inner))
    return sorted(names)


def _parts(function: FunctionType, seen: dict[int, int]) -> Iterable[bytes]:
    """Everything that decides what ``function`` does: code, defaults, what it closes over, and the globals that it names."""
    if id(function) in seen:
        yield b"seen %d" % seen[id(function)]
        return
    seen[id(function)] = len(seen)
    code = function.__code__
    yield marshal.dumps((function.__module__, function.__qualname__, code.co_code, code.co_varnames, code.co_names))
    yield repr(_constants(code)).encode()
    try:
        held = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # an empty cell
        raise Opaque(f"{function.__qualname__} closes over a name without a value") from None
    for value in (*held, *(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())):
        yield from _value(value, seen)
    for name in _names(code):
        if name in function.__globals__:
            yield name.encode()
            yield from _value(function.__globals__[name], seen)


def _value(value: object, seen: dict[int, int]) -> Iterable[bytes]:
    """Bytes that stand for the value and for nothing else. Raises Opaque where there are none."""
    if isinstance(value, FunctionType):
        form = compiled_form(value)
        if not isinstance(form, FunctionType):
            raise Opaque(f"{value.__qualname__} is compiled as something that is no plain function")
        yield from _parts(form, seen)
    elif value is None or type(value) in _PLAIN:
        yield repr(value).encode()
    elif type(value) in (tuple, frozenset):
        for part in sorted(value, key=repr) if isinstance(value, frozenset) else value:  # type: ignore[attr-defined]
            yield from _value(part, seen)
        yield b"end"
    elif isinstance(value, ModuleType) and value.__name__.partition(".")[0] in _LIBRARIES:
        yield value.__name__.encode()
    elif isinstance(value, type) and _is_known(value):
        yield f"{value.__module__}.{value.__qualname__} {_fields(value)}".encode()
    elif type(value).__name__ in ("builtin_function_or_method", "ufunc"):
        yield repr(value).encode()
    else:
        raise Opaque(f"what {value!r:.80} does cannot be told from outside")


def _is_known(kind: type) -> bool:
    """A record of fields, a number's type, an exception: nothing with a behaviour of its own."""
    if kind.__module__.partition(".")[0] in (*_LIBRARIES, "builtins"):
        return True
    return (issubclass(kind, tuple) and hasattr(kind, "_fields")) or issubclass(kind, BaseException)


def _fields(kind: type) -> str:
    return repr([*getattr(kind, "_fields", ()), *getattr(kind, "__annotations__", {}).items()])


def _constants(code: CodeType) -> tuple[object, ...]:
    parts = (one for one in code.co_consts if one is not None)
    return tuple((_constants(one), one.co_code, one.co_names) if isinstance(one, CodeType) else one for one in parts)
