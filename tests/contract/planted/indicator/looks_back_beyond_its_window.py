"""Planted fault: the batch takes the highest price of the whole past, the live program that of its window.

Caught by: streaming_equals_batch.
"""

import numpy as np
from contract.planted_base.indicator import PLUGIN, offering, window, window_build

CAUGHT_BY = "streaming_equals_batch"
flashcrash_plugin = PLUGIN


def high_water(columns, params):
    falls, baselines = window(columns, params)
    seen = np.maximum.accumulate(np.nan_to_num(columns["price"]))
    return (falls[0] + columns["price"] / seen - 1.0,), baselines


flashcrash_indicators = offering(build=window_build, program={"window": high_water})
