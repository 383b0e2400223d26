"""Every check of a feed sees its planted fault, and no other check does."""

from pathlib import Path

import pytest
from contract.planted import planted_faults, require_caught, require_every_check_proven, require_sound

KIND = "feed"


def test_the_sound_base_passes_everything() -> None:
    """The feed in which the faults are planted passes every check, and none is skipped."""
    require_sound(KIND)


def test_every_check_has_a_planted_fault() -> None:
    """No check is decoration: each is named by at least one planted fault."""
    require_every_check_proven(KIND)


@pytest.mark.parametrize("path", planted_faults(KIND), ids=lambda path: path.stem)
def test_only_the_named_check_catches_the_fault(path: Path) -> None:
    """Exactly the check that the file names fails on it."""
    require_caught(path, KIND)
