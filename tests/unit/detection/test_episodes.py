"""Episodes: transitions folded from leaving SLEEP to the return."""

from math import nan

from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.episodes import MAX_EPISODES, EpisodeLog
from flashcrash_core.detection.settings import State


def log_of(*moves):
    """A log fed with ``(t_us, source, target, reason)``."""
    log = EpisodeLog()
    for t_us, source, target, reason in moves:
        feed(log, t_us, source, target, reason)
    return log


def feed(log, t_us, source, target, reason, price=100.0, peak=101.0):
    """One transition at a row-end price, with the drawdown window's highest price."""
    log.on_transition(Transition("TESTUSDT", t_us, State(source), State(target), reason, {}), price, peak)


WHOLE = (
    (1, "SLEEP", "ALERT", "agreement"), (2, "ALERT", "ACTIVE", "confirmed"), (3, "ACTIVE", "RECOVERY", "released"),
    (4, "RECOVERY", "ACTIVE", "new_low"), (6, "ACTIVE", "RECOVERY", "timeout"), (9, "RECOVERY", "SLEEP", "calm"),
)  # fmt: skip


def test_a_whole_episode():
    """First ACTIVE, every ACTIVE span, last RECOVERY, end and its reason."""
    (episode,) = log_of(*WHOLE).episodes
    assert (episode.alert_us, episode.active_us, episode.active_spans) == (1, 2, [[2, 4 - 1], [4, 6]])
    assert (episode.recovery_us, episode.sleep_us, episode.reason) == (6, 9, "calm")


def test_an_alert_that_came_to_nothing():
    """An episode without ACTIVE has no span."""
    (episode,) = log_of((1, "SLEEP", "ALERT", "agreement"), (5, "ALERT", "SLEEP", "released")).episodes
    assert (episode.active_us, episode.active_spans, episode.recovery_us, episode.sleep_us) == (None, [], None, 5)


def test_episodes_follow_each_other():
    """Every waking opens a new one."""
    again = [(t + 10, *rest) for t, *rest in WHOLE]
    assert [e.alert_us for e in log_of(*WHOLE, *again).episodes] == [1, 11]


def test_shutdown_ends_the_episode_and_opens_none():
    """SHUTDOWN closes the ACTIVE span; from SLEEP it is no episode and does not touch the last one."""
    (episode,) = log_of(*WHOLE[:2], (3, "ACTIVE", "SHUTDOWN", "max_drawdown")).episodes
    assert (episode.active_spans, episode.sleep_us, episode.shutdown_us) == ([[2, 3]], None, 3)
    assert (episode.reason, episode.over) == ("max_drawdown", True)
    assert log_of((1, "SLEEP", "SHUTDOWN", "operator")).episodes == []
    (episode,) = log_of(*WHOLE, (20, "SLEEP", "SHUTDOWN", "operator")).episodes
    assert (episode.sleep_us, episode.reason) == (9, "calm")


def test_the_end_of_data_closes_the_span_only():
    """An open ACTIVE span ends with the data; the episode itself did not end."""
    log = log_of(*WHOLE[:2])
    log.close(8)
    log.close(9)
    (episode,) = log.episodes
    assert (episode.active_spans, episode.sleep_us, episode.reason) == ([[2, 8]], None, "end_of_data")
    done = log_of(*WHOLE)
    done.close(20)
    assert done.episodes == log_of(*WHOLE).episodes
    EpisodeLog().close(1)


def test_snapshot_goes_on_where_it_stood():
    """A restored log takes the rest of the episode."""
    log, other = log_of(*WHOLE[:3]), EpisodeLog()
    other.restore(log.snapshot())
    for t_us, source, target, reason in WHOLE[3:]:
        feed(other, t_us, source, target, reason)
    assert other.episodes == log_of(*WHOLE).episodes


def test_prices_tell_the_fall_and_when_it_was_seen():
    """The episode has its top and low, every stay in ACTIVE its price and its own low; NaN changes nothing."""
    log = EpisodeLog()
    feed(log, 1, "SLEEP", "ALERT", "agreement", price=99.0, peak=101.0)
    log.on_row(2, 98.0, 99.5)
    feed(log, 3, "ALERT", "ACTIVE", "confirmed", price=97.0)
    log.on_row(4, 90.0, 97.0)
    log.on_row(5, nan, nan)
    feed(log, 6, "ACTIVE", "RECOVERY", "released", price=95.0)
    log.on_row(7, 89.0, 102.0)
    (episode,) = log.episodes
    assert (episode.alert_price, episode.high, episode.low, episode.low_us) == (99.0, 102.0, 89.0, 7)
    (span,) = episode.spans
    assert (span.start_us, span.end_us, span.price, span.low, span.low_us, span.reason) == (3, 6, 97.0, 90.0, 4, "confirmed")


def test_the_log_is_bounded_and_says_what_it_dropped():
    """A run of months keeps the newest episodes and counts the rest."""
    log = EpisodeLog()
    for i in range(MAX_EPISODES + 3):
        feed(log, 10 * i + 1, "SLEEP", "ALERT", "agreement")
        feed(log, 10 * i + 2, "ALERT", "SLEEP", "released")
    assert (len(log.episodes), log.dropped, log.episodes[0].alert_us) == (MAX_EPISODES, 3, 31)
