"""Times of the rows of one file: all in one unit, and rising.

Numbers tell their unit by magnitude (reference/binance.md section 13). A file whose unit changes was put together from others, so
it is refused instead of guessed at; a row from the past is refused by itself, as long as such rows are few.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from flashcrash_core.api import DataError

__all__ = ["BACK_TOLERANCE_US", "RowTimes"]

BACK_TOLERANCE_US: Final = 250_000
"""How far a row may stand before the newest one: as much as the kernel's event clock takes for not late."""
_REFUSED_IN_A_ROW: Final = 100
"""So many rows older than one: it is that one that is wrong, or the file is not sorted."""

_ISO: Final = "text (ISO 8601)"
_SECONDS_FROM: Final = 10**8
_UNITS: Final = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_FACTORS: Final = {"milliseconds": 1000, "microseconds": 1}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RowTimes:
    """Reads the times of one file's rows. ``unit`` is what the first one was in, "" before it.

    ``units`` are the units that the format has; another one is refused at the first row.
    """

    __slots__ = ("_above", "_factor", "_from", "_newest_line", "_newest_us", "_path", "_refused", "_unit_line", "_units", "unit")

    def __init__(self, path: Path, units: tuple[str, ...] = ("milliseconds", "microseconds", _ISO)) -> None:
        self.unit = ""
        self._path = path
        self._units = units
        self._unit_line = 0
        self._from = self._above = self._factor = 0
        self._newest_us = 0
        self._newest_line = 0
        self._refused = 0

    def us(self, text: str, line: int) -> int:
        """A row's time in microseconds UTC. Raises ValueError for what is no time, DataError for one in another unit."""
        if text.isdigit():
            stamp = int(text)
            if self._from <= stamp < self._above:
                return stamp * self._factor
            self._settle(_unit_of(stamp, text), text, line)
            return stamp * self._factor
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if self.unit != _ISO:
            self._settle(_ISO, text, line)
        return (moment - _EPOCH) // timedelta(microseconds=1)

    def too_old(self, us: int, line: int) -> str:
        """Why a row comes too late, "" if it does not. Raises DataError when there are too many such rows one after another."""
        newest_us = self._newest_us
        if us >= newest_us - BACK_TOLERANCE_US:
            if us > newest_us:
                self._newest_us, self._newest_line = us, line
            self._refused = 0
            return ""
        self._refused += 1
        if self._refused >= _REFUSED_IN_A_ROW:
            raise DataError(
                f"{self._path}:{line}: the rows are not in order of time: this one and the {self._refused - 1} before it are older "
                f"than row {self._newest_line}. Sort the file, or mend the time of row {self._newest_line}"
            )
        return f"{(newest_us - us) / 1e6:.3f} s before row {self._newest_line}"

    def _settle(self, unit: str, text: str, line: int) -> None:
        """The unit of the file, from its first time. Raises DataError when it has one already, or when the format has no such."""
        if self.unit:
            raise DataError(
                f"{self._path}:{line}: time {text!r} is in {unit}, but its times are in {self.unit} (row {self._unit_line}); "
                f"a file with mixed units is not one recording. Split it where the unit changes"
            )
        if unit not in self._units:
            raise DataError(
                f"{self._path}:{line}: time {text!r} is in {unit}; files of this format have {' or '.join(self._units)}. Check "
                f"what wrote the file"
            )
        self.unit, self._unit_line = unit, line
        if unit != _ISO:
            self._from = _SECONDS_FROM * 1000 ** _UNITS.index(unit)
            self._above = self._from * 1000
            self._factor = _FACTORS[unit]


def _unit_of(stamp: int, text: str) -> str:
    bound = _SECONDS_FROM
    if stamp >= bound:
        for unit in _UNITS:
            bound *= 1000
            if stamp < bound:
                return unit
    raise ValueError(f"time {text!r} is no time since 1970 in any unit")
