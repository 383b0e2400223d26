"""Planted fault: the release lies beyond the trigger, so the flag flickers. Caught by: hysteresis."""

from contract.planted_base.indicator import PLUGIN, Levels, offering

CAUGHT_BY = "hysteresis"
flashcrash_plugin = PLUGIN
flashcrash_indicators = offering(program={"levels": Levels(trigger=-1.0, release=-2.0)})
