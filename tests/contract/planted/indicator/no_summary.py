"""Planted fault: the descriptor does not say what the indicator is. Caught by: interface."""

from contract.planted_base.indicator import PLUGIN, offering

CAUGHT_BY = "interface"
flashcrash_plugin = PLUGIN
flashcrash_indicators = offering(summary=" ")
