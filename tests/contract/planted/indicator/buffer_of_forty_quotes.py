"""Planted fault: has room for forty quotes in a row, which a burst at one time exceeds. Caught by: same_timestamp_events."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "same_timestamp_events"
flashcrash_plugin = PLUGIN
ROOM = [0.0] * 40


def buffered(state, row, params):
    if 0 < row.quotes < 1_000:
        ROOM[row.quotes - 1] = row.price
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": buffered})
