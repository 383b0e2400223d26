"""Episodes: transitions folded from leaving SLEEP to the return."""

from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.episodes import EpisodeLog
from flashcrash_core.detection.settings import State


def log_of(*moves):
    """A log fed with ``(t_us, source, target, reason)``."""
    log = EpisodeLog()
    for t_us, source, target, reason in moves:
        log.on_transition(Transition("TESTUSDT", t_us, State(source), State(target), reason, {}))
    return log


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
    assert (episode.active_spans, episode.sleep_us, episode.reason) == ([[2, 3]], 3, "max_drawdown")
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
        other.on_transition(Transition("TESTUSDT", t_us, State(source), State(target), reason, {}))
    assert other.episodes == log_of(*WHOLE).episodes
