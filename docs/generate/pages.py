"""Every generated page by its path below docs/. Needs no matplotlib: a test compares the pages with what is stored."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from generate.checks import checks_page
from generate.hooks import hooks_page
from generate.indicators import indicator_index, indicator_page
from generate.series import indicator_specs

__all__ = ["PAGES"]

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "plugins/hooks.md": hooks_page,
    "plugins/checks.md": checks_page,
    "indicators/README.md": indicator_index,
    **{f"indicators/{spec.name}.md": partial(indicator_page, spec) for spec in indicator_specs()},
}
"""Path below docs/ to what makes the text."""
