"""Planted fault: the configuration can change under a running program. Caught by: configuration_schema."""

from attrs import define
from contract.planted_base.indicator import PLUGIN, offering

CAUGHT_BY = "configuration_schema"
flashcrash_plugin = PLUGIN


@define(kw_only=True)
class Config:
    """Not frozen."""

    trigger: float = -5.0
    release: float = -3.0


flashcrash_indicators = offering(config=Config)
