"""The transitions of reference/microstructure.md section 3.2, each on the row where it must happen and not one earlier.

"For d" is true in row t and every row back to t - d: a condition that starts in row a is held for d in row a + d / 100 ms.
"""

import pytest

from flashcrash_core.market.features import UNHEALTHY_GAP, UNHEALTHY_LATENCY
from flashcrash_core.testing import row

SECOND = 10


def alert(bench, **settings):
    """A bench in ALERT with C = 2."""
    b = bench(**settings).rows(6)
    b.until("ALERT", 2)
    return b


def active(bench, **settings):
    """A bench in ACTIVE, confirmed by C = 3."""
    b = alert(bench, **settings)
    b.until("ACTIVE", 3)
    return b


def recovery(bench, **settings):
    """A bench in RECOVERY."""
    b = active(bench, **settings)
    b.until("RECOVERY", 0)
    return b


def test_alert_after_two_for_300_ms(bench):
    """C = 2 becomes an ALERT in its fourth row; a row of C = 1 in between starts over."""
    b = bench().rows(10).rows(3, 2)
    assert b.state == "SLEEP"
    b.row(1)
    b.rows(3, 2)
    assert b.state == "SLEEP"
    b.row(2)
    assert b.moves == [(17, "SLEEP", "ALERT", "agreement")]


def test_the_first_half_second_is_dwelt_in_sleep(bench):
    """SLEEP too is dwelt in for 500 ms from the first row."""
    assert bench().rows(5, 2).state == "SLEEP"
    assert bench().rows(6, 2).moves == [(5, "SLEEP", "ALERT", "agreement")]


def test_one_indicator_needs_velocity_and_a_fall(bench):
    """C = 1 alerts only with I6 fired and a drawdown of at least 30 bp, each for 300 ms."""
    fallen = 100.0 * (1 - 0.00301)
    for fields in ({"velocity": True}, {"price": fallen}, {"velocity": True, "price": 100.0 * (1 - 0.00299)}):
        assert bench().rows(10).rows(20, 1, **fields).state == "SLEEP", fields
    b = bench().rows(10).rows(3, 1, velocity=True, price=fallen)
    assert b.state == "SLEEP"
    b.row(1, velocity=True)
    assert b.moves == [(13, "SLEEP", "ALERT", "velocity_and_fall")]
    assert bench().rows(10).rows(20, 0, velocity=True, price=fallen).state == "SLEEP"


def test_warm_up_holds_in_sleep(bench):
    """Nothing wakes before warmup_s after the first row; the row of warm-up's end may."""
    b = bench(warmup_s=2.0).rows(20, 3)
    assert not b.detector.warm
    b.row(3)
    assert b.detector.warm
    assert b.moves == [(20, "SLEEP", "ALERT", "agreement")]


def test_warm_needs_three_available(bench):
    """With fewer than three core indicators available the detector is not warm, however long it ran."""
    b = bench(warmup_s=1.0).rows(50, 2, n=2)
    assert (b.state, b.detector.warm, b.detector.degraded) == ("SLEEP", False, True)
    assert b.row(2, n=3)[0].target == "ALERT"


@pytest.mark.parametrize(("hold_s", "rows"), [(0.0, 0), (0.25, 3), (2.0, 20), (5.0, 50)])
def test_confirmation_takes_hold(bench, hold_s, rows):
    """C >= K for ``hold``, rounded up to rows, with the clock started where C first reached K."""
    b = alert(bench, hold_s=hold_s).rows(10, 2)
    taken = b.until("ACTIVE", 3)
    assert taken == rows + 1
    assert b.moves[-1][1:] == ("ALERT", "ACTIVE", "confirmed")


def test_the_hold_clock_runs_in_sleep_already(bench):
    """C >= K from the first waking row counts from there, not from the entry into ALERT."""
    b = bench().rows(10)
    assert b.until("ACTIVE", 3) == 21
    assert b.moves == [(13, "SLEEP", "ALERT", "agreement"), (30, "ALERT", "ACTIVE", "confirmed")]


@pytest.mark.parametrize(("dip_rows", "restarts"), [(3, False), (4, True)])
def test_dips_of_300_ms_do_not_reset_the_hold(bench, dip_rows, restarts):
    """A dip of 300 ms is forgiven, one of 400 ms starts the clock over."""
    b = alert(bench).rows(5, 2).rows(10, 3).rows(dip_rows, 2)
    remaining = 21 if restarts else 21 - 10 - dip_rows
    assert b.until("ACTIVE", 3) == remaining


def test_zero_tolerance_resets_on_every_dip(bench):
    """The seed profile's dips reset: one row below K starts over."""
    b = alert(bench, dip_tolerance_s=0.0).rows(5, 2).rows(20, 3).rows(1, 2)
    assert b.until("ACTIVE", 3) == 21


def test_the_transition_needs_agreement_in_its_own_row(bench):
    """At the end of the hold a dip row does not confirm; the next agreeing row does."""
    b = alert(bench).rows(5, 2).rows(20, 3).rows(3, 2)
    assert b.state == "ALERT"
    b.row(3)
    assert b.state == "ACTIVE"


def test_alert_is_released_after_five_seconds_below_two(bench):
    """C < 2 for 5 s from entering ALERT at the earliest."""
    b = alert(bench)
    entered = b.at
    assert b.until("SLEEP", 1) == 51
    assert b.moves[-1] == (entered + 51, "ALERT", "SLEEP", "released")


def test_the_release_clock_starts_on_entering(bench):
    """An ALERT raised by velocity with C = 1 is not released by the seconds of C < 2 before it."""
    b = bench().rows(600)
    b.until("ALERT", 1, velocity=True, price=99.0)
    assert b.until("SLEEP", 1, price=99.0) == 50


def test_alert_times_out_after_a_minute(bench):
    """An ALERT with C = 2 lasts 60 s and ends in the first row after."""
    b = alert(bench)
    assert b.until("SLEEP", 2) == 60 * SECOND + 1
    assert b.moves[-1][3] == "alert_timeout"


def test_confirmation_goes_before_release(bench):
    """Top-down priority: where hold and timeout meet in one row, ACTIVE wins."""
    b = alert(bench, alert_max_s=3.0, hold_s=1.0).rows(20, 2)
    b.rows(11, 3)
    assert b.moves[-1][1:] == ("ALERT", "ACTIVE", "confirmed")
    b = alert(bench, alert_max_s=3.0, hold_s=1.1).rows(20, 2)
    b.rows(11, 3)
    assert b.moves[-1][1:] == ("ALERT", "SLEEP", "alert_timeout")


def test_active_is_released_after_three_quiet_seconds(bench):
    """C <= 1 for 3.0 s leads to RECOVERY; C = 2 keeps it ACTIVE."""
    b = active(bench).rows(100, 2)
    assert b.state == "ACTIVE"
    assert b.until("RECOVERY", 1) == 31
    assert b.moves[-1][3] == "released"


def test_a_new_low_holds_active_for_three_seconds_more(bench):
    """No new low for 3.0 s: true in every row back to t - 3 s, so the row of the low itself must be further back."""
    b = active(bench).rows(20, 0)
    b.row(0, low=99.0)
    assert b.until("RECOVERY", 0) == 31
    b = active(bench).rows(20, 0)
    b.row(0, low=99.0)
    b.rows(5, 0).row(0, low=99.0)  # touched again, not below: no new low
    assert b.until("RECOVERY", 0) == 31 - 6


def test_active_times_out_after_fifteen_minutes(bench):
    """ACTIVE with C = 3 ends in RECOVERY in the first row after 15 min, and is confirmed again after the dwell."""
    b = active(bench)
    assert b.until("RECOVERY", 3) == 900 * SECOND + 1
    assert b.moves[-1][3] == "timeout"
    assert b.until("ACTIVE", 3) == 5


def test_recovery_returns_after_half_a_second_without_dips(bench):
    """C >= K for 0.5 s, dips not forgiven, leads back to ACTIVE."""
    b = recovery(bench).rows(10, 0).rows(5, 3).rows(1, 2)
    assert b.until("ACTIVE", 3) == 6
    assert b.moves[-1][3] == "confirmed_again"


def test_a_new_low_with_two_returns_to_active_at_once(bench):
    """A new event low with C = 2 returns without a gate; with C = 1, or a low only touched, it does not."""
    b = recovery(bench, direction_gate=False).rows(10, 0)
    b.row(1, low=98.0)
    b.row(2, low=98.0)
    assert b.state == "RECOVERY"
    b.row(2, low=97.9)
    assert b.moves[-1][1:] == ("RECOVERY", "ACTIVE", "new_low")


def test_recovery_sleeps_after_a_calm_minute(bench):
    """C = 0 and sigma_W < 2 sigma_B for 60 s, counted from entering RECOVERY at the earliest."""
    b = recovery(bench)
    assert b.until("SLEEP", 0) == 60 * SECOND
    assert b.moves[-1][3] == "calm"


def test_the_calm_clock_wants_both_and_starts_over(bench):
    """One row with C = 1, or with sigma_W at twice sigma_B or missing, starts the calm minute over."""
    for disturbance in ({"count": 1}, {"sigma": 2e-4}, {"sigma": float("nan")}):
        b = recovery(bench).rows(300, 0)
        b.row(**disturbance)
        assert b.until("SLEEP", 0) == 60 * SECOND + 1, disturbance


def test_recovery_times_out_after_fifteen_minutes(bench):
    """RECOVERY never longer than 15 min."""
    b = recovery(bench)
    assert b.until("SLEEP", 0, sigma=3e-4) == 900 * SECOND + 1
    assert b.moves[-1][3] == "recovery_timeout"


@pytest.mark.parametrize("dwell_s", [0.5, 1.0])
def test_every_state_is_dwelt_in(bench, dwell_s):
    """No transition sooner than the dwell after the last, whatever the clocks say."""
    released = {"alert_hold_s": 0.0, "alert_release_s": 0.0, "active_release_s": 0.0, "recovery_calm_s": 0.0}
    b = bench(dwell_s=dwell_s, hold_s=0.0, recovery_return_s=0.0, **released)
    for i in range(400):
        b.row(3 if i % 3 else 0)
    gaps = [later[0] - earlier[0] for earlier, later in zip(b.moves, b.moves[1:], strict=False)]
    assert len(gaps) > 10
    assert min(gaps) == dwell_s * 10


def test_degraded_never_becomes_active(bench):
    """With n < 3 an ALERT may stand but ACTIVE is unreachable, from RECOVERY too; with the third indicator back it is not."""
    b = alert(bench)
    b.rows(100, 2, n=2, velocity=True)
    assert (b.state, b.detector.degraded, b.detector.needed) == ("ALERT", True, 3)
    b = recovery(bench).rows(10, 0)
    b.rows(50, 2, n=2, velocity=True, low=90.0)
    assert b.state == "RECOVERY"
    b.row(2, n=3, low=89.0)
    assert b.state == "ACTIVE"


def test_unhealthy_rows_freeze_the_clocks(bench):
    """Clocks stand still in unhealthy rows: neither advanced nor reset, whatever C is meanwhile."""
    b = alert(bench).rows(5, 2).rows(10, 3)
    b.rows(100, 0, bad=UNHEALTHY_GAP).rows(50, 3, bad=UNHEALTHY_LATENCY)
    assert b.state == "ALERT"
    assert b.until("ACTIVE", 3) == 11
    b = bench().rows(10).rows(50, 3, bad=UNHEALTHY_GAP)
    assert b.state == "SLEEP"
    assert b.until("ALERT", 3) == 4


@pytest.mark.parametrize("start", [alert, active])
def test_thirty_unhealthy_seconds_end_the_episode_when_flat(bench, start):
    """More than 30 s unhealthy in ALERT or ACTIVE: SLEEP, and warm-up again; a healthy row in between starts the count over."""
    b = start(bench, warmup_s=1.0)
    b.rows(300, 3, bad=UNHEALTHY_GAP).rows(1, 2)
    state = b.state
    b.rows(300, 3, bad=UNHEALTHY_GAP)
    assert b.state == state != "SLEEP"
    b.row(3, bad=UNHEALTHY_GAP)
    assert b.moves[-1][2:] == ("SLEEP", "unhealthy")
    slept = b.at
    assert not b.detector.warm
    b.until("ALERT", 3)
    assert b.at - slept == 10


def test_thirty_unhealthy_seconds_wait_while_not_flat(bench):
    """With an order or a position open the state stays, and the fall to SLEEP comes as soon as the symbol is flat."""
    b = active(bench).rows(400, 3, bad=UNHEALTHY_GAP, flat=False)
    assert b.state == "ACTIVE"
    b.row(3, bad=UNHEALTHY_GAP, flat=True)
    assert b.state == "SLEEP"


def test_recovery_and_sleep_outlast_bad_data(bench):
    """The 30 s rule names ALERT and ACTIVE only."""
    assert recovery(bench).rows(400, 0, bad=UNHEALTHY_GAP).state == "RECOVERY"
    assert bench().rows(400, 3, bad=UNHEALTHY_GAP).moves == []


@pytest.mark.parametrize("start", [lambda make: make().rows(10), alert, active, recovery])
def test_shutdown_is_absorbing_and_needs_no_dwell(bench, start):
    """From any state at once, and no row leads out of it; readings go on."""
    b = start(bench)
    source = b.state
    t = b.detector.shutdown("operator", 7)
    assert (str(t.source), str(t.target), t.reason, t.t_us) == (source, "SHUTDOWN", "operator", 7)
    seen = len(b.moves)
    b.rows(300, 3, low=50.0).rows(400, 0, bad=UNHEALTHY_GAP)
    assert (b.state, len(b.moves)) == ("SHUTDOWN", seen)
    b.row(4)
    assert b.detector.count == 4


def test_event_low_is_the_lowest_since_leaving_sleep(bench):
    """Lows before the event do not count, unhealthy rows' do, and SLEEP forgets."""
    b = bench().rows(10, low=50.0)
    b.until("ALERT", 2, low=99.0)
    assert b.detector.event_low == 99.0
    b.row(2, low=98.5)
    b.row(2, low=98.0, bad=UNHEALTHY_GAP)
    b.row(2, low=98.7)
    b.row(2, low=float("nan"))
    assert b.detector.event_low == 98.0
    b.until("SLEEP", 0)
    assert b.detector.event_low == float("inf")


def test_more_than_six_transitions_in_a_minute_are_flapping(bench):
    """The seventh transition within 60 s blocks entries for 60 s after it; six do not."""
    b = bench(hold_s=0.0, active_release_s=0.3, recovery_return_s=0.0)
    b.rows(10)
    while len(b.moves) < 6:
        b.row(3 if b.state != "ACTIVE" else 0)
    assert b.detector.entries_blocked_until_us == 0
    while len(b.moves) < 7:
        b.row(3 if b.state != "ACTIVE" else 0)
    assert b.moves[6][0] - b.moves[0][0] < 600
    assert b.detector.entries_blocked_until_us == b.detector.row_us + 60_000_000


@pytest.mark.parametrize(("gap_rows", "flaps"), [(9, True), (10, False)])
def test_the_flapping_window_is_half_open(bench, gap_rows, flaps):
    """Seven transitions are flapping if the first lies less than the window back."""
    b = bench(dwell_s=0.0, hold_s=0.0, active_release_s=0.0, recovery_return_s=0.0, flapping_transitions=2, flapping_window_s=1.0)
    b.rows(10).rows(4, 3)  # ALERT
    b.row(3)  # ACTIVE one row later
    assert [m[2] for m in b.moves] == ["ALERT", "ACTIVE"]
    b.rows(gap_rows - 2, 3)
    b.row(0)  # RECOVERY
    assert [m[2] for m in b.moves] == ["ALERT", "ACTIVE", "RECOVERY"]
    assert b.moves[2][0] - b.moves[0][0] == gap_rows
    assert (b.detector.entries_blocked_until_us > 0) is flaps


def test_evidence_says_why(bench):
    """A transition carries counts, the flags fired, the values and the drawdown, as plain data."""
    b = active(bench)
    (t,) = b.last
    evidence = t.evidence
    assert (evidence["C"], evidence["n"], evidence["K"]) == (3, 5, 3)
    assert evidence["fired"] == ["volatility", "acceleration", "imbalance"]
    assert evidence["values"]["velocity"] == 0.0
    assert (evidence["drawdown_bp"], evidence["unhealthy"]) == (0.0, [])


def test_baselines_are_frozen_outside_sleep(bench):
    """Frozen from the waking row, at the value of that row, until SLEEP."""
    b = bench().rows(10, baseline=1e-4)
    assert not b.detector.judgement.frozen
    b.until("ALERT", 2, baseline=2e-4)
    b.rows(5, 2, baseline=9e-4)
    assert b.detector.sigma() == (1e-4, 2e-4)
    b.until("SLEEP", 0, baseline=9e-4)
    assert not b.detector.judgement.frozen
    assert b.detector.sigma() == (1e-4, 9e-4)


def test_baselines_thaw_after_fifteen_minutes(bench):
    """Held for 15 min and not a row longer, even when the event goes on."""
    b = alert(bench)
    woke = b.at
    b.until("ACTIVE", 3)
    b.rows(900 * SECOND - (b.at - woke) - 1, 3)
    assert b.detector.judgement.frozen
    b.row(3, baseline=7e-4)
    assert b.state == "ACTIVE"
    assert b.detector.sigma()[1] == 7e-4


def test_leaving_for_a_silence(bench):
    """A reason outside the table leads to SLEEP and thaws."""
    b = active(bench)
    t = b.detector.leave("silence", row())
    assert (str(t.source), str(t.target), t.reason, b.detector.judgement.frozen) == ("ACTIVE", "SLEEP", "silence", False)
