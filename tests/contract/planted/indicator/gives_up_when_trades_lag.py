"""Planted fault: raises when no trade came for two seconds although the market is healthy and quotes come.

Caught by: delayed_events.
"""

from contract.planted_base.indicator import PLUGIN, new_state, offering, step, step_build

CAUGHT_BY = "delayed_events"
flashcrash_plugin = PLUGIN


def impatient(state, row, params):
    pair = step(state, row, params)
    state.at[2] = 0 if row.trades or row.unhealthy else state.at[2] + 1
    if state.at[2] >= 20 and row.quotes:
        raise RuntimeError("no trades")
    return pair


def build(config, context, **changes):
    state = new_state()
    state.at.append(0)
    return step_build(config, context, **changes | {"step": impatient, "state": state})


flashcrash_indicators = offering(build=build)
