"""Every check of an indicator is proven by a plugin with a fault that only this check sees."""

from pathlib import Path

import pytest
from contract.planted import planted_faults, require_caught, require_every_check_proven, require_sound


def test_sound_base_passes_every_check() -> None:
    """The plugin that the faulty ones are made from passes the whole battery."""
    require_sound("indicator")


@pytest.mark.parametrize("path", planted_faults("indicator"), ids=lambda path: path.stem)
def test_fault_is_caught_by_its_check_alone(path: Path) -> None:
    """The planted fault fails its check and no other."""
    require_caught(path, "indicator")


def test_every_check_is_proven() -> None:
    """No check is decoration: each has a planted fault."""
    require_every_check_proven("indicator")
