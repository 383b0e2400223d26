"""The hold sweep (reference/microstructure.md section 3.1): shadows see what a run with that hold would have seen."""

import random

import msgspec
import pytest

from flashcrash_core.detection.hold_sweep import HOLDS_S, HoldSweep


class Recorder:
    """Keeps what the bench hands to its detector, for the sweep beside it."""

    def __init__(self, b):
        self.sweep = HoldSweep(b.detector)
        inner = b.detector.on_row

        def on_row(row, pairs, *, flat):
            transitions = inner(row, pairs, flat=flat)
            self.sweep.on_row(row, pairs, transitions)
            return transitions

        b.detector.on_row = on_row


def segments(rng):
    """Random stretches of C with calm ends, so that detectors sleep again."""
    for _ in range(12):
        yield from [(rng.choice([0, 1, 2, 3, 3, 3]), rng.choice([3, 8, 15, 25, 40, 70])) for _ in range(6)]
        yield 0, 700


@pytest.mark.parametrize("seed", range(6))
def test_each_row_equals_a_run_with_that_hold(bench, seed):
    """Episodes, confirmations and first ACTIVE of every hold are those of a detector that had it from the start."""
    b = bench(hold_s=2.0)
    recorder = Recorder(b)
    others = {hold: bench(hold_s=hold) for hold in HOLDS_S}
    for count, rows in segments(random.Random(seed)):
        for one in (b, *others.values()):
            one.rows(rows, count)
    for line in recorder.sweep.result():
        other = others[line["hold_s"]]
        woken = [m for m in other.moves if m[1] == "SLEEP"]
        confirmed = [m for m in other.moves if m[2] == "ACTIVE"]
        assert line["episodes"] == len(woken), f"seed {seed} {line}"
        assert (line["first_active_us"] is None) == (not confirmed), f"seed {seed} {line}"
        spans = [(m[0], next((x[0] for x in other.moves if x[0] > m[0]), other.at)) for m in confirmed]
        assert line["active_s"] == pytest.approx(sum(end - start for start, end in spans) / 10), f"seed {seed} {line}"


def test_a_short_event_is_met_by_short_holds_only(bench):
    """Agreement for 1.2 s is confirmed with hold 0 to 1 s and missed with 2 s and more."""
    b = bench()
    recorder = Recorder(b)
    b.rows(10).rows(13, 3).rows(800, 0)
    assert [(r["hold_s"], r["active_episodes"]) for r in recorder.sweep.result()] == [
        (0.0, 1), (0.5, 1), (1.0, 1), (2.0, 0), (3.0, 0), (5.0, 0),
    ]  # fmt: skip


def test_nothing_runs_while_all_sleep(bench):
    """Shadows exist from waking until all sleep again."""
    b = bench()
    recorder = Recorder(b)
    b.rows(100)
    assert recorder.sweep.snapshot()["shadows"] == []
    b.rows(13, 3)
    assert len(recorder.sweep.snapshot()["shadows"]) == len(HOLDS_S)
    b.rows(800, 0)
    assert recorder.sweep.snapshot()["shadows"] == []


def test_snapshot_gives_the_same_result(bench):
    """Cut in the middle of an event, restored shadows count on."""
    whole, part = bench(), bench()
    one, two = Recorder(whole), Recorder(part)
    for b in (whole, part):
        b.rows(10).rows(13, 3)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(two.sweep.snapshot()))
    two.sweep = HoldSweep(part.detector)
    two.sweep.restore(state)
    for b in (whole, part):
        b.rows(40, 3).rows(800, 0)
    assert one.sweep.result() == two.sweep.result()


def test_restart_keeps_what_was_counted(bench):
    """After a silence the sweep follows the new detector and its counts stay."""
    b = bench()
    recorder = Recorder(b)
    b.rows(10).rows(40, 3)
    counted = recorder.sweep.result()
    fresh = bench()
    recorder.sweep.restart(fresh.detector)
    assert recorder.sweep.snapshot()["shadows"] == []
    assert recorder.sweep.result() == counted
