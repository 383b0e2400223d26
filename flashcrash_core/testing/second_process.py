"""Run part of a check in a second Python process: with another hash seed, and under watch for I/O, clocks and random numbers.

``in_second_process(subject, task)`` loads the same plugin there, calls the module-level function ``task(subject)`` and returns what
it gave (plain JSON data). What the kernel has made for the task already, a tape's rows for one, can be handed over. Inside,
``with watching() as seen:`` collects what the code in the block asked of the world.
"""

import _thread
import datetime
import io
import json
import os
import pickle
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Final

from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.subject import Subject, find_subjects

__all__ = ["in_second_process", "needs_a_name", "opening", "serve", "watching"]

_TIMEOUT_S: Final = 300
_AUDITED: Final = (
    "open", "socket.", "subprocess.", "os.", "shutil.", "sqlite3.", "ctypes.", "urllib.", "http.",
)  # fmt: skip
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""Flags of an opening that may change the file."""
_CLOCKS: Final = (
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns",
    "thread_time", "thread_time_ns", "sleep", "localtime", "gmtime", "ctime", "asctime", "strftime", "clock_gettime",
    "clock_gettime_ns",
)  # fmt: skip
_DRAWS: Final = ("random", "uniform", "randint", "randrange", "choice", "choices", "shuffle", "sample", "gauss", "getrandbits")

_seen: list[str] | None = None
"""Where what is asked of the world is noted; None outside of :func:`watching`."""


def needs_a_name(subject: Subject[Any]) -> str:
    """``applies`` of checks that load the plugin in a second process."""
    return "" if subject.element else "given as an object: a second process can only load a plugin that has a name or a file"


def in_second_process(
    subject: Subject[Any], task: Callable[..., Any], *given: Any, hash_seed: int = 0, watched: bool = False
) -> Any:
    """``task(subject, *given)`` in a fresh interpreter with ``PYTHONHASHSEED=hash_seed``. Raises CheckFailure when it fails there.

    ``given`` is plain data of the kernel's own, which is pickled: nothing of the plugin's may be in it.
    """
    request = {
        "element": subject.element,
        "kind": subject.kind,
        "name": subject.spec.name,
        "selection": _needed(subject),
        "config": dict(subject.options),
        "local_endpoint": None if subject.local_endpoint is None else dict(subject.local_endpoint),
        "task": [task.__module__, task.__qualname__],
        "given": given,
        "watched": watched,
        "path": [entry for entry in sys.path if entry],
    }
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            input=pickle.dumps(request),
            capture_output=True,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CheckFailure(f"{subject.label}: {task.__name__} did not end within {_TIMEOUT_S} s in a second process") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise CheckFailure(f"{subject.label}: {task.__name__} failed in a second process: {lines[-1]}")
    return json.loads(done.stdout)


_WHOLE_SESSIONS: Final = ("scorer", "strategy")
"""Kinds of which the checks show a market with all indicators: their second process loads them all."""


def _needed(subject: Subject[Any]) -> str:
    """The least selection for the other process: importing all first-party plugins takes longer there than most tasks."""
    if subject.kind in _WHOLE_SESSIONS:
        return subject.selection
    source = getattr(subject.spec, "baseline_from", None)
    offering = [
        plugin.candidate.name
        for plugin in subject.registry.plugins
        if not plugin.candidate.explicit and any(kind == "indicator" and spec.name == source for kind, spec in plugin.specs)
    ]
    return ",".join([subject.element, *offering])


@contextmanager
def watching() -> Iterator[list[str]]:
    """Note what the block asks for: files, sockets, processes, threads, clocks, environment, unseeded numbers, and output.

    Only in a watched second process. ``numpy.datetime64("now")`` and clocks read inside of C extensions are not seen.
    """
    global _seen  # noqa: PLW0603 - the audit hook of a process cannot be removed, so it is switched
    seen: list[str] = []
    _seen = seen
    try:
        with redirect_stdout(_NotedStream("print")), redirect_stderr(_NotedStream("sys.stderr")):
            yield seen
    finally:
        _seen = None


def _note(what: str) -> None:
    if _seen is not None and len(_seen) < 20 and what not in _seen:
        _seen.append(what)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event.startswith(_AUDITED):
        if event == "open":
            # A descriptor was opened before, which was noted then; of a path it matters whether it is only read.
            if not isinstance(arguments[0], int):
                _note(opening(arguments[0], writing=bool(arguments[2] & _WRITES)))
        else:
            _note(f"{event}({arguments[0]!r})" if arguments else event)


def opening(path: object, *, writing: bool = False) -> str:
    """How it is noted that a path was opened."""
    return f"open({path!r}{', to write' if writing else ''})"


def _noted(module: Any, name: str, label: str) -> None:
    original = getattr(module, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        _note(label)
        return original(*args, **kwargs)

    setattr(module, name, call)


class _NotedStream(io.TextIOBase):
    """Takes what is printed, and notes that something was."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def write(self, text: str) -> int:
        _note(f"{self._name} (output)")
        return len(text)


def _noted_unseeded(owner: Any, name: str, label: str, *, place: int) -> None:
    original = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and (len(args) <= place or args[place] is None):
            _note(label)
        return original(*args, **kwargs)

    setattr(owner, name, call)


def _watch_the_world() -> None:
    """Before the plugin is imported, so that ``from time import time`` binds the watched function."""
    import numpy as np

    for name in _CLOCKS:
        _noted(time, name, f"time.{name}")
    for name in _DRAWS:
        _noted(random, name, f"random.{name} (unseeded)")
    for name in ("rand", "randn", "randint", "random", "uniform", "normal", "choice", "shuffle", "standard_normal"):
        _noted(np.random, name, f"numpy.random.{name} (unseeded)")
    _noted(os, "urandom", "os.urandom")
    _noted(_thread, "start_new_thread", "a thread")
    _noted(threading, "_start_new_thread", "a thread")
    _noted(random, "_urandom", "random.SystemRandom")
    _noted(type(os.environ), "__getitem__", "os.environ")
    _noted_unseeded(random.Random, "seed", "random.Random (unseeded)", place=1)
    _noted_unseeded(np.random, "default_rng", "numpy.random.default_rng (unseeded)", place=0)

    class Datetime(datetime.datetime):
        """Notes who asks for the present time."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Datetime":
            _note("datetime.now")
            return super().now(tz)

        @classmethod
        def utcnow(cls) -> "Datetime":
            _note("datetime.utcnow")
            return super().utcnow()

    datetime.datetime = Datetime  # type: ignore[misc]
    sys.addaudithook(_audit)


def serve() -> None:
    """Body of the second process: one request on standard input, its answer on standard output."""
    # The answer has a way of its own: what a plugin prints must not mix with it.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    sys.path[:] = request["path"]
    if request["watched"]:
        _watch_the_world()
    found = find_subjects(
        request["element"],
        kind=request["kind"],
        name=request["name"],
        config=request["config"],
        local_endpoint=request["local_endpoint"],
        selection=request["selection"],
    )
    module, qualname = request["task"]
    task: Any = __import__(module, fromlist=["_"])
    for part in qualname.split("."):
        task = getattr(task, part)
    with answer:
        json.dump(task(found[0], *request["given"]), answer)
