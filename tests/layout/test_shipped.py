"""What the registry takes for first-party is what pyproject.toml ships."""

import tomllib
from pathlib import Path
from typing import Any

from flashcrash_core.registry.first_party import LIBRARIES, PACKAGES, SHIPPED

ROOT = Path(__file__).parents[2]


def pyproject() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_shipped_plugins_are_the_entry_points() -> None:
    """A plugin that is added to pyproject.toml or taken out of it must be in first_party.SHIPPED or not."""
    assert dict(SHIPPED) == pyproject()["project"]["entry-points"]["flashcrash"]


def test_the_shipped_packages_are_those_of_the_wheel() -> None:
    """Every package of the wheel but the kernel is in first_party.PACKAGES, with the folder that it has in a checkout."""
    packages = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(f"{folder}/{package}" for package, folder in PACKAGES.items()) == sorted(set(packages) - {"flashcrash_core"})
    assert {target.partition(".")[0] for target in SHIPPED.values()} | LIBRARIES == set(PACKAGES)
    assert {"flashcrash_binance"} == LIBRARIES
