"""Every generated page by its path below docs/. Needs no matplotlib: a test compares the pages with what is stored."""

from functools import cache

from generate.hooks import hooks_page
from generate.indicators import indicator_index, indicator_page
from generate.series import indicator_specs

__all__ = ["pages"]


@cache
def pages() -> dict[str, str]:
    """Path below docs/ to text."""
    return {
        "plugins/hooks.md": hooks_page(),
        "indicators/README.md": indicator_index(),
        **{f"indicators/{spec.name}.md": indicator_page(spec) for spec in indicator_specs()},
    }
