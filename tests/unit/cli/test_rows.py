"""Rows of text on a terminal and into a pipe."""

import pytest

from flashcrash_core.cli.options import print_rows

TEXT = "one two three four five six seven eight nine ten eleven twelve"


def printed(capsys: pytest.CaptureFixture[str], name: str = "abc") -> list[str]:
    """The lines of one row, without the head."""
    print_rows(("NAME", "TEXT"), [(name, TEXT)])
    return capsys.readouterr().out.splitlines()[1:]


def test_long_text_wraps_at_words_beside_the_other_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal no line is longer than it, no word is cut, and the text keeps its column."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = printed(capsys)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40
    assert all(line.startswith("      ") for line in lines[1:])
    assert " ".join(line[6:] for line in lines) == TEXT


def test_text_without_room_goes_below(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the other columns leave too little, the text stands below them."""
    monkeypatch.setenv("COLUMNS", "40")
    first, *rest = printed(capsys, "n" * 30)
    assert first == "n" * 30
    assert " ".join(line.strip() for line in rest) == TEXT
    assert max(map(len, rest)) <= 40


def test_a_row_in_a_pipe_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal a row is one line, so that grep finds it whole."""
    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setattr("os.get_terminal_size", _no_terminal)
    assert printed(capsys) == [f"abc   {TEXT}"]


def _no_terminal(_descriptor: int) -> None:
    raise OSError
