"""Processes that run one tape after the other. Each takes the next tape when it is free; what one dies of ends no other.

A pool of the standard library gives up when one of its processes is killed. Here the tape that it ran is named, and another process
takes its place. When the parent is killed, the workers end with it.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from flashcrash_core.batch.compiling_notice import compiling_began, telling
from flashcrash_core.errors import FlashcrashError
from flashcrash_core.runtime import launch
from flashcrash_core.runtime.batching import finish_writing
from flashcrash_core.runtime.many_reports import decoded, write_whole
from flashcrash_core.runtime.request import RunRequest

__all__ = ["Ended", "Work", "run_all"]

_TELL_S: Final = 0.2
"""Between two words of a worker on how far it is."""
_LOOK_S: Final = 0.5
"""The longest wait before the parent looks whether it is to stop."""
_COMPILING: Final = "compiling"
"""What a worker says when it begins to: the parent tells whoever watches, once for all."""

Stopping = Callable[[], bool]


@frozen
class Work:
    """A tape to run and what to do with its report."""

    number: int
    request: RunRequest
    detect: bool
    added: dict[str, Any]
    """Keys that the report gets beside its own."""
    place: Path | None
    """Where the report goes."""


@frozen
class Ended:
    """What became of a tape: its report, or what went wrong."""

    number: int
    report: dict[str, Any] | None = None
    error: str = ""


@define
class _Worker:
    process: SpawnProcess
    end: Connection
    work: Work | None = field(default=None)


def run_all(
    works: Sequence[Work],
    workers: int,
    on_ended: Callable[[Ended], None],
    on_progress: Callable[[int, float], None],
    stopping: Stopping,
) -> None:
    """Run all in up to ``workers`` processes, in the order given; tell of each as it ends and of how far it is (number, 0 to 1).

    Returns early, with what is under way thrown away, when ``stopping()`` says so.
    """
    waiting = deque(works)
    crew: list[_Worker] = []
    try:
        while len(crew) < min(workers, len(works)):
            crew.append(_hire())
            _give(crew[-1], waiting.popleft())
        while any(one.work for one in crew) and not stopping():
            for ready in wait([one.end for one in crew if one.work], _LOOK_S):
                one = next(each for each in crew if each.end is ready)
                if _heard(one, on_ended, on_progress):
                    continue
                if not one.process.is_alive():  # it ended with its tape; another one takes its place
                    crew.remove(one)
                    one.end.close()
                    if not waiting:
                        continue
                    crew.append(one := _hire())
                if waiting and not stopping():
                    _give(one, waiting.popleft())
    finally:
        for one in crew:
            one.process.kill()  # reports are written whole or not at all, so there is nothing to finish
            one.process.join()
            one.end.close()


def _hire() -> _Worker:
    context = get_context("spawn")
    end, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    # Ctrl-C reaches the whole group, and systemd's SIGTERM every process. The parent decides for all: a worker inherits the mask
    # and never hears of them. The tracker must run before, because starting it lifts the mask.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()  # the worker's copy is the only one left: its end shows here
    return _Worker(process, end)


def _give(worker: _Worker, work: Work) -> None:
    worker.work = work
    with suppress(OSError):  # it is gone already: the end of its pipe is what is read next
        worker.end.send(work)


def _heard(worker: _Worker, on_ended: Callable[[Ended], None], on_progress: Callable[[int, float], None]) -> bool:
    """Take one message. Whether the worker is still at its tape."""
    work = worker.work
    assert work is not None
    try:
        said = worker.end.recv()
    except (EOFError, OSError):
        worker.process.join()
        ended = Ended(work.number, error=_died(worker.process.exitcode))
    else:
        if said == _COMPILING:
            compiling_began()
            return True
        report, error, fraction = said
        if fraction is not None:
            on_progress(work.number, fraction)
            return True
        ended = Ended(work.number, None if report is None else decoded(report), error)
    worker.work = None
    on_ended(ended)
    return False


def _died(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = "; was there enough memory?" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended without an answer (exit code {code})"


# -- in the worker -----------------------------------------------------------------------------------------------------------


def _serve(end: Connection) -> None:
    """Run what is sent until nothing more is."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout = sys.stderr  # the document is printed by the parent; a plugin that prints must not get between
    try:
        while True:
            work: Work = end.recv()
            with telling(lambda: end.send(_COMPILING)):
                done = _run(work, end)
            end.send(done)
    except (EOFError, OSError):
        return  # nobody listens any more


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _run(work: Work, end: Connection) -> tuple[bytes | None, str, float | None]:
    told_s = time.monotonic()

    def tell(fraction: float | None, _events: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if fraction is not None and now_s - told_s >= _TELL_S:
            told_s = now_s
            end.send((None, "", fraction))

    try:
        try:
            report = launch.detect(work.request, tell) if work.detect else launch.execute(work.request, tell)
        finally:
            finish_writing()  # a worker is ended without a word once there is no more work
        document = launch.to_json(report | work.added) + b"\n"
        if work.place is not None:
            write_whole(work.place, document)
    except FlashcrashError as error:
        return None, str(error), None
    except Exception as error:
        traceback.print_exc()  # a defect keeps its traceback
        return None, f"{type(error).__name__}: {error}", None
    return document, "", None
