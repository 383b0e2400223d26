"""Planted fault: adds the tick size to a ratio, and declares not to depend on the unit. Caught by: scale_invariance."""

from contract.planted_base.indicator import PLUGIN, offering, step, step_build

CAUGHT_BY = "scale_invariance"
flashcrash_plugin = PLUGIN


def build(config, context, **changes):
    tick = float(context.instrument.tick_size)

    def dearer(state, row, params):
        (fall,), baseline = step(state, row, params)
        return (fall + 1e-3 * tick,), baseline

    return step_build(config, context, **changes | {"step": dearer})


flashcrash_indicators = offering(build=build)
