"""Planted fault: its state says that the mean move is a whole number; a compiled step cuts off the fraction, a live one does not.

Caught by: compiled_equals_interpreted.
"""

from typing import NamedTuple

from contract.planted_base.indicator import PLUGIN, new_state, offering, step_build

CAUGHT_BY = "compiled_equals_interpreted"
flashcrash_plugin = PLUGIN


class State(NamedTuple):
    prices: list[float]
    mean_move: list[int]
    at: list[int]


def build(config, context, **changes):
    return step_build(config, context, **changes | {"state": State(*new_state())})


flashcrash_indicators = offering(build=build)
