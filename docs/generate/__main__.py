"""``PYTHONPATH=docs:tests python -m generate``: write every generated page and plot, and say which ones changed."""

import sys

from generate.indicators import plot_name
from generate.levels import lines_of
from generate.markdown import DOCS
from generate.pages import PAGES
from generate.plots import svg
from generate.scenes import scenes_of
from generate.series import indicator_specs, series


def main() -> None:
    """Write all pages and plots."""
    files = {name: page().encode() for name, page in PAGES.items()}
    for spec in indicator_specs():
        for key in scenes_of(spec.name):
            files[f"indicators/{plot_name(spec.name, key)}"] = svg(series(key, spec.name), lines_of(spec.name, spec.config()))
    for name, content in files.items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            sys.stdout.write(f"wrote docs/{name}\n")


if __name__ == "__main__":
    main()
