"""Configuration: layered TOML, strict structuring, shipped profiles and instruments.

:func:`load_config` gives the kernel's settings; :func:`resolve_plugins` adds the plugins' own, once they are loaded.
"""

from flashcrash_core.config.effective import EffectiveValue, effective_values, plain
from flashcrash_core.config.layers import Origin
from flashcrash_core.config.loading import PROJECT_FILES, LoadedConfig, config_from_tree, load_config, profile_names
from flashcrash_core.config.lockfile import LockedDistribution, PluginLock, default_lock_path, normalised, read_lock, write_lock
from flashcrash_core.config.nearest import did_you_mean, nearest
from flashcrash_core.config.plugin_tables import (
    IndicatorConfig,
    PluginConfig,
    PluginConfigs,
    check_config,
    resolve_plugins,
    resolve_store,
)
from flashcrash_core.config.schema import (
    FeeSettings,
    FillSettings,
    IndicatorTable,
    InstrumentTable,
    PluginTable,
    RunSettings,
    Settings,
)
from flashcrash_core.config.structuring import structure_plugin_config
from flashcrash_core.config.typed_values import config_keys

__all__ = [
    "PROJECT_FILES",
    "EffectiveValue",
    "FeeSettings",
    "FillSettings",
    "IndicatorConfig",
    "IndicatorTable",
    "InstrumentTable",
    "LoadedConfig",
    "LockedDistribution",
    "Origin",
    "PluginConfig",
    "PluginConfigs",
    "PluginLock",
    "PluginTable",
    "RunSettings",
    "Settings",
    "check_config",
    "config_from_tree",
    "config_keys",
    "default_lock_path",
    "did_you_mean",
    "effective_values",
    "load_config",
    "nearest",
    "normalised",
    "plain",
    "profile_names",
    "read_lock",
    "resolve_plugins",
    "resolve_store",
    "structure_plugin_config",
    "write_lock",
]
