"""The other process: a writer that announces what it committed and is then killed without warning.

The request is the first line on standard input; each further line lets the writer go on. Every announcement is one line of JSON.
"""

import json
import subprocess
import sys
import threading
from typing import Any, Final

from attrs import define, field

from flashcrash_core.runtime.records import SnapshotRecord
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.checks.store.places import build
from flashcrash_core.testing.checks.store.samples import batch, session
from flashcrash_core.testing.subject import Subject, find_subjects

__all__ = ["COMMITTED", "OPEN", "SESSION", "SNAPSHOT", "Writer", "serve"]

SESSION: Final = "20251010-211300-dead"
COMMITTED: Final = 25
"""Batches that the writer commits, one by one."""
OPEN: Final = 26
"""Number of the batch that is written and not committed when the writer is killed."""
SNAPSHOT: Final = SnapshotRecord(seq=3, t_us=3, payload=b"state after three")
_TIMEOUT_S: Final = 120.0


@define
class Writer:
    """A process that writes to a database of the subject. Used as a context, it is dead at the end."""

    subject: Subject[StoreSpec]
    location: str
    _process: "subprocess.Popen[str]" = field(init=False)
    _watchdog: threading.Timer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._watchdog = threading.Timer(_TIMEOUT_S, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()
        request = {
            "element": self.subject.element, "kind": self.subject.kind, "name": self.subject.spec.name,
            "config": dict(self.subject.options), "location": self.location, "path": [entry for entry in sys.path if entry],
        }  # fmt: skip
        self._tell(json.dumps(request))

    def heard(self) -> Any:
        """The next announcement. Raises CheckFailure when the process ended before it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, error = self._process.communicate()
            lines = error.strip().splitlines() or ["no output"]
            raise CheckFailure(f"{self.subject.label}: the writing process ended before it announced anything: {lines[-1]}")
        return json.loads(line)

    def go_on(self) -> None:
        """Let it take its next step."""
        self._tell("")

    def kill(self) -> None:
        """SIGKILL (on Windows: TerminateProcess), and wait until it is gone."""
        self._watchdog.cancel()
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; heard() says of what


def serve() -> None:
    """Body of the process: begin, commit batches one by one, leave the last one open, and wait for the end."""
    request = json.loads(sys.stdin.readline())
    sys.path[:] = request["path"]
    subject = find_subjects(request["element"], kind=request["kind"], name=request["name"], config=request["config"])[0]
    store = build(subject, request["location"])
    store.begin_session(session(SESSION))
    for number in range(1, COMMITTED + 1):
        store.write(SESSION, batch(number))
        store.commit()
        if number == SNAPSHOT.seq:
            store.save_snapshot(SESSION, SNAPSHOT)
        _announce(number)
    store.write(SESSION, batch(OPEN))
    _announce("open")
    sys.stdin.readline()


def _announce(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
