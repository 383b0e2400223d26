"""Planted fault: the rings live in a closure, where a snapshot does not see them. Caught by: snapshot_round_trip."""

from contract.planted_base.indicator import PLUGIN, new_state, offering, step, step_build

CAUGHT_BY = "snapshot_round_trip"
flashcrash_plugin = PLUGIN


def build(config, context, **changes):
    hidden = new_state()
    return step_build(config, context, **changes | {"step": lambda _state, row, params: step(hidden, row, params)})


flashcrash_indicators = offering(build=build)
