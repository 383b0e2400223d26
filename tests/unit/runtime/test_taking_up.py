"""Books of a session of real orders that crashed: rebuilt from its rows, and left before anything new is entered."""

from typing import Any

import pytest

from flashcrash_core.errors import UsageError
from flashcrash_core.runtime.launch import RunRequest, execute, open_store
from flashcrash_core.runtime.records import IntentRecord, NoticeRecord
from flashcrash_core.runtime.taking_up import order_rows, require_nothing_open


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished session of the simulated market: its store, its record, its rows of orders."""
    location = str(tmp_path_factory.mktemp("kept") / "kept.db")
    report = execute(RunRequest(db=location))
    store = open_store(location)
    yield store, store.session(report["session"]), order_rows(store, report["session"])
    store.close()


def composed(record: Any) -> Any:
    """A fresh session like the one that was kept."""
    from flashcrash_core.runtime.composition import compose, open_run_input
    from flashcrash_core.runtime.launch import prepare

    prepared = prepare(RunRequest(), stored=record)
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed=None)
    source.close()
    return compose(prepared.config, prepared.plugins, source).session


def test_rows_lead_to_the_same_books_wherever_they_end(kept: Any) -> None:
    """After every row: order ids and positions go on where they ended, and what is held is what the fills say."""
    _, record, rows = kept
    assert len(rows) > 20
    for count in range(1, len(rows) + 1, 7):
        session = composed(record)
        session.take_up(rows[:count])
        submits = [row for row in rows[:count] if isinstance(row, IntentRecord) and row.kind == "submit"]
        assert session._desk.next_order == len(submits) + 1
        sides = {row.client_id: row.side for row in submits}
        held = sum(
            sides[row.client_id] * row.qty_lots for row in rows[:count] if isinstance(row, NoticeRecord) and row.kind == "FILL"
        )
        assert sum(one.held_lots for one in session.blotter.positions.values()) == held
        session.check()
        assert session._taken_up == set(session.blotter.positions)
        lane = next(iter(session.lanes.values()))
        assert lane.awake is bool(session.blotter.positions), "what is held is looked after at once, also asleep"


def test_a_new_run_is_refused_while_something_is_open(kept: Any) -> None:
    """The message names the session, what it left, and the command; another venue's sessions do not matter."""
    store, record, rows = kept
    executor = record.config["executor"]
    require_nothing_open(store, "paper", executor)  # it ended flat

    class Cut:
        """The same rows, cut off in the middle of a position."""

        def __init__(self) -> None:
            first = next(i for i, row in enumerate(rows) if isinstance(row, NoticeRecord) and row.kind == "FILL")
            self.rows = rows[: first + 1]

        def sessions(self) -> Any:
            return [record]

        def read(self, _session: str, kind: type) -> Any:
            return [row for row in self.rows if type(row) is kind]

    cut: Any = Cut()
    with pytest.raises(UsageError, match=rf"session {record.id} .* lots of SIMUSDT at this venue.*run --resume {record.id}"):
        require_nothing_open(cut, "paper", executor)
    require_nothing_open(cut, "real", executor)
    require_nothing_open(cut, "paper", {**executor, "rest": "http://elsewhere"})
