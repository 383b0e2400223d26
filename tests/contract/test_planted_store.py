"""Every check of a store sees its planted fault, and no other check does."""

from pathlib import Path

import pytest
from contract.planted import planted_faults, require_caught, require_every_check_proven, require_sound

KIND = "store"


@pytest.mark.parametrize("path", planted_faults(KIND), ids=lambda path: str(path.stem))
def test_the_fault_is_caught_by_its_check_alone(path: Path) -> None:
    """The check that the file names fails, and it alone."""
    require_caught(path, KIND)


def test_the_sound_base_passes() -> None:
    """The store that the faults are made from, which is no SQL database, passes everything."""
    require_sound(KIND)


def test_every_check_has_a_planted_fault() -> None:
    """No check of the battery is without a fault that proves it."""
    require_every_check_proven(KIND)
