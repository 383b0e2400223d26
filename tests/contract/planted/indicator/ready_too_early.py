"""Planted fault: declares two minutes of warm-up and speaks after half a minute. Caught by: not_ready_before_warmup."""

from contract.planted_base.indicator import PLUGIN, offering

CAUGHT_BY = "not_ready_before_warmup"
flashcrash_plugin = PLUGIN
flashcrash_indicators = offering(warmup_s=120.0)
