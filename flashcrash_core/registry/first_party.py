"""What this flashcrash ships, and how one of its plugins is told from something that only bears the name.

A distribution may call itself ``flashcrash``: any wheel may bring a metadata folder of that name. So the name proves nothing. A
plugin is first-party when its entry point is one that this flashcrash ships (:data:`SHIPPED`) and stands in the metadata folder of
the running kernel; it is loaded when its package comes from where the kernel came from (:func:`displaced_packages`). Nothing is
imported here.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import flashcrash_core
from flashcrash_core.config import normalised

__all__ = [
    "FIRST_PARTY",
    "LIBRARIES",
    "PACKAGES",
    "SHIPPED",
    "claims_our_name",
    "displaced_packages",
    "location_of",
    "own_distribution",
]

FIRST_PARTY: Final = "flashcrash"
"""The distribution whose plugins load by default."""

SHIPPED: Final[Mapping[str, str]] = {
    "simulated": "flashcrash_feeds.simulated",
    "replay": "flashcrash_feeds.replay",
    "tardis": "flashcrash_feeds.tardis",
    "bulk": "flashcrash_feeds.bulk",
    "klines": "flashcrash_feeds.klines",
    "tardis_book": "flashcrash_feeds.tardis_book",
    "tape": "flashcrash_feeds.tape",
    "volatility": "flashcrash_indicators.volatility",
    "acceleration": "flashcrash_indicators.acceleration",
    "imbalance": "flashcrash_indicators.imbalance",
    "spread": "flashcrash_indicators.spread",
    "volume_delta": "flashcrash_indicators.volume_delta",
    "message_velocity": "flashcrash_indicators.message_velocity",
    "candle_patterns": "flashcrash_indicators.candle_patterns",
    "depth": "flashcrash_indicators.depth",
    "weighted": "flashcrash_scoring.weighted",
    "percentile": "flashcrash_strategies.percentile",
    "paper": "flashcrash_executors.paper",
    "backtest": "flashcrash_executors.backtest",
    "real": "flashcrash_executors.real",
    "sqlite": "flashcrash_storage.sqlite",
    "binance": "flashcrash_feeds.binance",
    "binance_archive": "flashcrash_binance.fetch_command",
    "binance_recorder": "flashcrash_binance.record_command",
    "binance_exchange": "flashcrash_binance.exchange_command",
}
"""Entry point to module, as in pyproject.toml (tests/layout/test_shipped.py holds them equal)."""

PACKAGES: Final[Mapping[str, str]] = {
    "flashcrash_feeds": "plugins/feeds",
    "flashcrash_indicators": "plugins/indicators",
    "flashcrash_scoring": "plugins/scoring",
    "flashcrash_strategies": "plugins/strategies",
    "flashcrash_executors": "plugins/executors",
    "flashcrash_storage": "plugins/storage",
    "flashcrash_binance": "plugins/venues",
}
"""Package to its folder in a checkout; an installed wheel has all of them beside the kernel."""

LIBRARIES: Final = frozenset({"flashcrash_binance"})
"""Those of them that plugins of the others import: one that is displaced makes all of them unsafe to load."""

_KERNEL: Final = Path(flashcrash_core.__file__).resolve()
_ROOT: Final = _KERNEL.parents[1]


def location_of(distribution: metadata.Distribution) -> str:
    """The metadata folder, for messages."""
    return str(getattr(distribution, "_path", None) or distribution.locate_file(""))


def claims_our_name(distribution: metadata.Distribution) -> bool:
    """Whether the name it gives, or the folder that it stands in, is ours in any spelling."""
    return normalised(distribution.name or "") == FIRST_PARTY


def own_distribution(claims: Iterable[metadata.Distribution]) -> metadata.Distribution | None:
    """The one that belongs to the running kernel: installed beside it, or the editable install of its checkout."""
    candidates = [claim for claim in claims if claims_our_name(claim) and location_of(claim).endswith(".dist-info")]
    for belongs in (_is_beside_the_kernel, _is_our_checkout):
        if (own := next(filter(belongs, candidates), None)) is not None:
            return own
    return None


def displaced_packages() -> dict[str, str]:
    """Package to what is wrong, for each of ours that would be imported from somewhere else than this flashcrash has it."""
    out: dict[str, str] = {}
    for package, folder in PACKAGES.items():
        expected = _ROOT / package / "__init__.py"
        if not expected.exists():
            expected = _ROOT / folder / package / "__init__.py"
        found = _origin(package)
        if found is not None and (not found or Path(found).resolve() != expected):
            out[package] = (
                f"package {package}: would be imported from {found or 'a folder without __init__.py'}, but this flashcrash has it "
                f"at {expected}; remove the other one, or take its folder off the module path"
            )
    return out


def _is_beside_the_kernel(distribution: metadata.Distribution) -> bool:
    beside = Path(str(distribution.locate_file(f"{flashcrash_core.__name__}/__init__.py"))).resolve()
    return beside == _KERNEL and distribution.version == flashcrash_core.__version__


def _is_our_checkout(distribution: metadata.Distribution) -> bool:
    # Of any version: a checkout that moved on after it was installed is still the one that runs.
    try:
        url = json.loads(distribution.read_text("direct_url.json") or "{}")
        editable, where = url["dir_info"]["editable"], urlsplit(url["url"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return editable is True and where.scheme == "file" and Path(url2pathname(where.path)).resolve() == _ROOT


def _origin(package: str) -> str | None:
    """The file that an import would run, "" for a namespace; None when there is no such package at all."""
    try:
        spec = find_spec(package)
    except ValueError:  # it is in the process and does not say where it came from
        return getattr(sys.modules[package], "__file__", None) or ""
    return None if spec is None else spec.origin or ""
