"""Every check of every battery is proven by a plugin with a fault that only this check sees."""

from pathlib import Path

import pytest
from contract.planted import caught_by, planted_faults, require_caught, require_every_check_proven, require_sound

from flashcrash_core.batch.compiling import is_available
from flashcrash_core.registry import KINDS

SKIPPED = frozenset() if is_available() else frozenset({"compiled_equals_interpreted"})
"""Nothing is compiled without numba, and so nothing can be wrong in it."""
PLANTED = [pytest.param(kind, path, id=f"{kind}-{path.stem}") for kind in KINDS for path in planted_faults(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_sound_base_passes_every_check(kind: str) -> None:
    """The plugin that the faulty ones of its kind are made from passes the whole battery; numba may be wanting, nothing else."""
    require_sound(kind, skipped=SKIPPED)


@pytest.mark.parametrize(("kind", "path"), PLANTED)
def test_fault_is_caught_by_its_check_alone(kind: str, path: Path) -> None:
    """The planted fault fails the check that its file names, and no other."""
    if caught_by(path) in SKIPPED:
        pytest.skip("numba is not installed: nothing is compiled")
    require_caught(path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_check_is_proven(kind: str) -> None:
    """No check is decoration: each has a planted fault."""
    require_every_check_proven(kind)
