"""Times of the rows of one file: units and order."""

from pathlib import Path

import pytest

from flashcrash_core.api import DataError
from flashcrash_feeds.row_times import BACK_TOLERANCE_US, RowTimes

MS = 1_760_000_000_000
US = MS * 1000
FILE = Path("f.csv")


@pytest.mark.parametrize("text", ["0", "", "yesterday", "-5", "17", "9" * 21, "1.5"])
def test_what_is_no_time(text: str) -> None:
    """What is no time raises ValueError, which becomes a refused row, and settles no unit."""
    times = RowTimes(FILE)
    with pytest.raises(ValueError, match=r"."):
        times.us(text, 1)
    assert times.us(str(US), 2) == US


@pytest.mark.parametrize(("text", "unit"), [(str(MS), "milliseconds"), (str(US), "microseconds"), ("2025-10-09T08:53:20Z", "text")])
def test_unit_by_magnitude(text: str, unit: str) -> None:
    """Milliseconds, microseconds and ISO 8601 give the same microseconds."""
    times = RowTimes(FILE)
    assert times.us(text, 1) == US
    assert times.unit.startswith(unit)


@pytest.mark.parametrize("text", [str(MS // 1000), str(US * 1000)])
def test_units_that_the_format_has_not(text: str) -> None:
    """Seconds and nanoseconds are refused at the first row instead of giving times of another century."""
    with pytest.raises(DataError, match=r"f\.csv:3: time .* is in (seconds|nanoseconds); files of this format have"):
        RowTimes(FILE).us(text, 3)


@pytest.mark.parametrize(("first", "second"), [(MS, US), (US, MS), (US, MS // 1000), (US, "2025-10-09"), ("2025-10-09", US)])
def test_mixed_units_name_both_rows(first: int | str, second: int | str) -> None:
    """The second unit in a file ends it, with the row and the row that settled the first."""
    times = RowTimes(FILE)
    times.us(str(first), 2)
    with pytest.raises(DataError, match=r"f\.csv:9: time .* but its times are in .*\(row 2\)"):
        times.us(str(second), 9)


def test_rows_from_the_past() -> None:
    """A row may stand a little before the newest one; an older one is refused by what it is measured against."""
    times = RowTimes(FILE)
    assert times.too_old(US, 1) == ""
    assert times.too_old(US - BACK_TOLERANCE_US, 2) == ""
    assert times.too_old(US - BACK_TOLERANCE_US - 1, 3) == "0.250 s before row 1"
    assert times.too_old(US + 1, 4) == ""


def test_an_unsorted_file_ends_with_both_rows() -> None:
    """A hundred rows older than one are no strays: the message names the last of them and the one that they are older than."""
    times = RowTimes(FILE)
    times.too_old(US, 1)
    for line in range(2, 101):
        assert times.too_old(US - 10**6, line)
    with pytest.raises(DataError, match=r"f\.csv:101: the rows are not in order of time.*99 before it are older than row 1\b"):
        times.too_old(US - 10**6, 101)
