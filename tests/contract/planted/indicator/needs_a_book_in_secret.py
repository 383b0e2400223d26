"""Planted fault: reads the book, but declares to need trades only. Caught by: declared_needs."""

from contract.planted_base.indicator import PLUGIN, offering

CAUGHT_BY = "declared_needs"
flashcrash_plugin = PLUGIN
flashcrash_indicators = offering(needs=frozenset({"trades"}))
