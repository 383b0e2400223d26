"""Which process a session belongs to, and whether it still runs.

A pid alone is not enough: pids are reused, after a restart of the machine quickly so. On Linux the token adds the boot and the
start time of the process (field 22 of /proc/PID/stat); elsewhere it is empty and the pid decides.
"""

import os
import socket
from pathlib import Path

from attrs import frozen

__all__ = ["Process", "local_process", "this_process"]

_PROC = Path("/proc")


@frozen
class Process:
    """A process as the sessions table names it."""

    host: str
    pid: int
    token: str

    def alive(self) -> bool:
        """Whether it still runs. A process of another host cannot be asked and counts as alive."""
        if self.host != socket.gethostname():
            return True
        if self.token and _PROC.is_dir():
            return _token(self.pid) == self.token
        return _signalable(self.pid)


def local_process(pid: int) -> Process:
    """The process of this host that has that pid now."""
    return Process(host=socket.gethostname(), pid=pid, token=_token(pid))


def this_process() -> Process:
    """The process that calls."""
    return local_process(os.getpid())


def _token(pid: int) -> str:
    """Boot id and start tick of a process, "" where there is none (it is gone, a zombie, or this is not Linux)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    # The command name may hold blanks and brackets: fields count from the last closing bracket, where field 3 begins.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return ""  # dead, only not yet waited for
    return f"{boot}:{fields[19]}"


def _signalable(pid: int) -> bool:
    if os.name != "posix":
        return pid == os.getpid()  # os.kill would end the process on Windows
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
