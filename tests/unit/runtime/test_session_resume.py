"""Snapshot and rows give the session back: cut anywhere in a simulated crash, it goes on to the same end."""

import random

import msgspec
import pytest

from flashcrash_core.errors import InvariantError
from flashcrash_core.runtime.composition import compose, open_run_input
from flashcrash_core.runtime.launch import RunRequest, prepare
from flashcrash_core.runtime.records import IntentRecord, NoticeRecord
from flashcrash_core.trading.orders import SubmitOrder


class Drive:
    """Session and executor of the shipped pipeline, driven by hand over a list of events."""

    def __init__(self, prepared):
        self.source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed=None)
        self.run = compose(prepared.config, prepared.plugins, self.source)
        self.session, self.executor = self.run.session, self.run.executor
        self.rows = []

    def settle(self):
        output = self.session.take()
        self.rows += [r for r in output.records if isinstance(r, IntentRecord | NoticeRecord)]
        for command in output.commands:
            (self.executor.submit if isinstance(command, SubmitOrder) else self.executor.cancel)(command)

    def play(self, events):
        for event in events:
            now_us = max(self.session.now_us, event.exchange_us or 0)
            for notice in self.executor.due(now_us):
                self.session.on_event(notice)
                self.settle()
            self.session.on_event(event)
            self.settle()
            self.executor.on_market(event, self.session.lanes[event.symbol].now_us)

    def state(self):
        return msgspec.msgpack.encode([self.session.snapshot(), self.executor.snapshot()])


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The defaults on the simulated crash; no configuration of the machine is picked up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return prepare(RunRequest(mode="paper", overrides=("run.seed=1", 'feeds.simulated.preset="crash_and_bounce"'), keep=False))


def test_any_cut_leads_to_the_same_end(prepared):
    """Cuts asleep, awake and right after orders: equal snapshots at the end, equal orders, equal hash."""
    whole = Drive(prepared)
    events = list(whole.source.events())
    cuts_at_orders = []
    for i, event in enumerate(events):
        before = len(whole.rows)
        whole.play([event])
        if len(whole.rows) > before:
            cuts_at_orders.append(i + 1)
    assert len(cuts_at_orders) > 10
    rng = random.Random(7)
    crash = cuts_at_orders[0]
    marks = sorted({*rng.sample(cuts_at_orders, 3), *(rng.randrange(crash, len(events)) for _ in range(2)), crash // 2})
    part = Drive(prepared)
    done = 0
    for cut in marks:
        part.play(events[done:cut])
        done = cut
        session, executor = msgspec.msgpack.decode(part.state())
        fresh = Drive(prepared)
        fresh.session.restore(session, part.rows)
        fresh.executor.restore(executor)
        fresh.rows = part.rows
        assert fresh.session.blotter.orders == part.session.blotter.orders, f"cut {cut}"
        assert fresh.session.blotter.positions == part.session.blotter.positions, f"cut {cut}"
        assert fresh.state() == part.state(), f"cut {cut}"
        part = fresh
    part.play(events[done:])
    assert part.session.hash.hex == whole.session.hash.hex
    assert part.state() == whole.state()
    assert part.rows == whole.rows
    part.session.check()


def test_rows_that_do_not_lead_to_the_ledger_are_refused(prepared):
    """A database with a fill missing is not resumed from."""
    drive = Drive(prepared)
    drive.play(drive.source.events())
    last = max(i for i, row in enumerate(drive.rows) if isinstance(row, NoticeRecord) and row.kind == "FILL")
    fresh = Drive(prepared)
    with pytest.raises(InvariantError, match="another ledger"):
        fresh.session.restore(drive.session.snapshot(), drive.rows[:last])
