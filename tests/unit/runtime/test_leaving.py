"""The end of a run at a real venue: entries are cancelled, and the venue's last word is heard."""

from typing import Any

import pytest

from flashcrash_core.runtime import leaving
from flashcrash_core.runtime.leaving import leave_venue


class Desk:
    """A session and its guard in one, as far as leaving knows them; ``answers`` are what the venue says at each look."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.open_entries = ["a", "b"]
        self.now_us = 1
        self.cancelled = self.blocked = ""
        self.told: list[tuple[str, str]] = []
        self.settled = 0
        self.count = type("Count", (), {"quarantined": False})
        self._answers = answers

    def block_entries(self, reason: str) -> None:
        assert not self.cancelled, "before anything is answered"
        self.blocked = reason

    def cancel_entries(self, reason: str) -> None:
        self.cancelled = reason

    def due(self, _now_us: int) -> list[str]:
        return self._answers.pop(0) if self._answers else []

    def on_event(self, ended: str) -> None:
        self.open_entries.remove(ended)

    def audit(self, kind: str, message: str) -> None:
        self.told.append((kind, message))

    def settle(self) -> None:
        self.settled += 1


def leave(desk: Desk) -> None:
    """Leave."""
    both: Any = desk
    leave_venue(both, both, desk.settle)


def test_it_goes_on_until_no_entry_is_open() -> None:
    """Answers may take some looks; each is stored."""
    desk = Desk([[], ["b"], [], ["a"]])
    leave(desk)
    assert (desk.blocked, desk.cancelled, desk.open_entries, desk.told) == ("run_ended", "run_ended", [], [])
    assert desk.settled == 3, "the cancels, and each answer"


def test_what_the_venue_does_not_tell_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal says which orders to look for."""
    monkeypatch.setattr(leaving, "PATIENCE_S", 0.05)
    desk = Desk([["a"]])
    leave(desk)
    ((kind, message),) = desk.told
    assert kind == "left_behind"
    assert "became of b; look there" in message


def test_an_executor_that_is_given_up_is_not_waited_for() -> None:
    """It is not called any more."""
    desk = Desk([])
    desk.count.quarantined = True
    leave(desk)
    assert desk.open_entries == ["a", "b"]
