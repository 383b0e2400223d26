"""What every peer's script measures and prints: standard library only, since each runs in a Python of its own."""

import json
import platform
import resource
import sys
import time


class Stopwatch:
    """Seconds between two moments of a script."""

    def __init__(self):  # type: ignore[no-untyped-def]
        self._since = time.perf_counter()

    def lap(self):  # type: ignore[no-untyped-def]
        """Seconds since the last lap."""
        now = time.perf_counter()
        spent, self._since = now - self._since, now
        return spent


def peak_mb():  # type: ignore[no-untyped-def]
    """Peak resident memory of this program so far, in MB; pages of mapped files that it touched count."""
    try:
        # Not ru_maxrss: on Linux it keeps the peak of the process that started this one.
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / 1e6
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def largest_child_mb():  # type: ignore[no-untyped-def]
    """Peak resident memory of the largest process that this one started and waited for, in MB; 0 if none."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def hand_in(**measured):  # type: ignore[no-untyped-def]
    """Print one JSON document: the last line of the script's output."""
    print(json.dumps({"python": platform.python_version(), "peak_mb": round(peak_mb(), 1), **measured}))
