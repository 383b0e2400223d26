"""Every check of a strategy sees its fault and no other, and leaves a sound strategy alone."""

from pathlib import Path

import pytest
from contract.planted import planted_faults, require_caught, require_every_check_proven, require_sound


def test_the_sound_base_passes_every_check() -> None:
    """The strategy from which the planted ones are made has no fault."""
    require_sound("strategy")


@pytest.mark.parametrize("path", planted_faults("strategy"), ids=lambda path: str(path.stem))
def test_a_planted_fault_is_caught_by_its_check_alone(path: Path) -> None:
    """Exactly the check that the file names fails."""
    require_caught(path, "strategy")


def test_every_check_has_a_planted_fault() -> None:
    """No check is decoration: each is the one that catches some fault."""
    require_every_check_proven("strategy")
