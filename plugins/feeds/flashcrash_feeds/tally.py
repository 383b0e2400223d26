"""What a file feed must account for: usable events, refused messages, and a clear end when nothing in the file was usable."""

from collections.abc import Callable, Iterable
from pathlib import Path

from flashcrash_core.api import DataError, FeedGap, Rejected, UsageError

__all__ = ["Tally", "not_held", "require_requested", "shown_line"]

_SHOWN = 80


class Tally:
    """Counts of one file, and the maker of its ``Rejected`` and ``FeedGap`` events.

    ``symbol`` is used where a message does not tell its own: every event needs one to be counted under.
    """

    def __init__(self, path: Path, next_seq: Callable[[], int], symbol: str) -> None:
        self.path = path
        self.usable = 0
        self.refused = 0
        self.first_fault = ""
        self._next_seq = next_seq
        self._symbol = symbol

    def reject(self, line: int, reason: str, detail: str, receive_us: int = 0, symbol: str | None = None) -> Rejected:
        """A refused message, with ``file:line`` in its detail."""
        where = f"{self.path}:{line} {detail}"
        self.refused += 1
        if not self.first_fault:
            self.first_fault = f"line {line}: {reason}: {detail}"
        return Rejected(symbol or self._symbol, self._next_seq(), None, receive_us, reason, where)

    def gap(self, reason: str, receive_us: int = 0, symbol: str | None = None, exchange_us: int | None = None) -> FeedGap:
        """Messages are known to be missing before the next event."""
        return FeedGap(symbol or self._symbol, self._next_seq(), exchange_us, receive_us, reason)

    def finish(self) -> None:
        """At the end of the file: raises DataError if it held nothing that could be used."""
        if self.usable:
            return
        if self.refused:
            raise DataError(
                f"{self.path}: no usable rows: all {self.refused} were refused, the first in {self.first_fault}. "
                f"Check that the file is what its format says and that the instrument's tick_size and lot_size fit it"
            )
        raise DataError(
            f"{self.path}: no events; the file holds nothing to read, check that it was written or downloaded completely"
        )


def require_requested(path: Path, found: list[str], requested: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols to deliver: those found, or the requested ones among them. Raises UsageError when none is left."""
    if not requested:
        return tuple(found)
    wanted = {symbol.upper() for symbol in requested}
    kept = tuple(symbol for symbol in found if symbol in wanted)
    if not kept:
        raise not_held(path, found, sorted(wanted))
    return kept


def not_held(path: Path, found: Iterable[str], wanted: Iterable[str]) -> UsageError:
    """The error for a file that holds none of the requested symbols, worded as the kernel words it for a whole input."""
    return UsageError(f"--symbols {','.join(wanted)}: not in {path}, which holds {', '.join(found) or 'no symbol'}")


def shown_line(head: bytes) -> str:
    """The first line of ``head``, shortened for a message."""
    line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace")
    return repr(line[:_SHOWN] + "..." if len(line) > _SHOWN else line)
