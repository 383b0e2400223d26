"""How often a run stores the state of its components: every 60 s of event time asleep, every 5 s from the moment of waking."""

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from flashcrash_core.runtime import launch

_ROW_US = 1_000_000
"""Snapshots are taken between events; with many events a second they come well within one."""


def test_snapshots_follow_the_state(tmp_path: Path) -> None:
    """Asleep they are 60 s apart; from the ALERT on 5 s, the first one no later than 5 s after it; and one at the end."""
    database = tmp_path / "run.db"
    report = launch.execute(launch.RunRequest(db=str(database), overrides=("storage.keep_snapshots=500",)))
    with closing(sqlite3.connect(database)) as connection:
        times = [t for (t,) in connection.execute("SELECT t_us FROM snapshots ORDER BY t_us")]
    (episode,) = report["episodes"]
    alert_us, sleep_us = episode["alert_us"], episode["sleep_us"]
    asleep = [t for t in times if t < alert_us]
    awake = [t for t in times if alert_us <= t <= sleep_us]
    assert all(59_000_000 < b - a < 60_000_000 + _ROW_US for a, b in pairwise(asleep))
    assert awake[0] - alert_us <= 5_000_000 + _ROW_US
    assert all(b - a < 5_000_000 + _ROW_US for a, b in pairwise(awake))
    assert sleep_us - awake[-1] <= 5_000_000
    assert times[-1] >= report["data"]["SIMUSDT"]["last_us"]
