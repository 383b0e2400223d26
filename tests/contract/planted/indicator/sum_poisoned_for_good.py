"""Planted fault: one infinite quantity stays in a running sum for ever, as infinity minus infinity.

Caught by: impossible_numbers_do_not_stay.
"""

from typing import NamedTuple

from contract.planted_base.indicator import PLUGIN, new_state, offering, step, step_build

CAUGHT_BY = "impossible_numbers_do_not_stay"
flashcrash_plugin = PLUGIN


def summing(state, row, params):
    (fall,), (mean,) = step(state, row, params)
    state.quantity[0] += row.band_bid_qty
    state.quantity[0] -= row.band_bid_qty
    return (fall + 0.0 * state.quantity[0],), (mean,)


class Summing(NamedTuple):
    prices: list[float]
    mean_move: list[float]
    at: list[int]
    quantity: list[float]


def build(config, context, **changes):
    return step_build(config, context, **changes | {"step": summing, "state": Summing(*new_state(), [0.0])})


flashcrash_indicators = offering(build=build)
