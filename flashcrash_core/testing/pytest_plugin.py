"""The pytest plugin: fixtures for plugin authors, and a header that says which plugins are installed.

It is loaded in every pytest session of an environment that has flashcrash, also of those that do not test it. So it imports nothing
but the standard library and pytest; the kernel comes with the first use of a fixture. Installed plugins are read from metadata and
never imported.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import pytest

from flashcrash_core._version import __version__

if TYPE_CHECKING:
    from flashcrash_core.testing.harness import PluginHarness
    from flashcrash_core.testing.tapes import Tape

__all__ = ["flashcrash_harness", "flashcrash_tape", "pytest_report_header"]

_DISTRIBUTION: Final = "flashcrash"
_GROUP: Final = "flashcrash"
_API: Final = 1  # flashcrash_core.specs.API_VERSION, which would bring half the kernel along; a test compares them


def pytest_report_header() -> str:
    """One line: version, number of first-party plugins, and the third-party ones by name and version."""
    own, others = 0, list[str]()
    for point in metadata.entry_points(group=_GROUP):
        if point.dist is not None and point.dist.name == _DISTRIBUTION:
            own += 1
        else:
            others.append(f"{point.name} {point.dist.version if point.dist is not None else '(of no distribution)'}")
    listed = f"third-party, listed, not imported: {', '.join(sorted(others))}" if others else "third-party: none"
    return f"flashcrash {__version__} (api {_API}): first-party: {own} plugins; {listed}"


@pytest.fixture(scope="session")
def flashcrash_tape() -> "Callable[..., Tape]":
    """:func:`flashcrash_core.testing.tape`: ``flashcrash_tape("crash_and_bounce", seed=2)``."""
    from flashcrash_core.testing.tapes import tape

    return tape


@pytest.fixture
def flashcrash_harness() -> "Iterator[Callable[..., PluginHarness]]":
    """Makes open :class:`~flashcrash_core.testing.PluginHarness` objects and closes them after the test."""
    with ExitStack() as stack:

        def make(*plugins: object, **options: Any) -> "PluginHarness":
            from flashcrash_core.testing.harness import PluginHarness

            return stack.enter_context(PluginHarness(*plugins, **options))

        yield make
