"""``PYTHONPATH=docs python -m generate``: write every generated page, and say which ones changed."""

import sys

from generate.hooks import hooks_page
from generate.markdown import DOCS


def main() -> None:
    """Write all pages."""
    pages = {"plugins/hooks.md": hooks_page()}
    for name, content in pages.items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            sys.stdout.write(f"wrote docs/{name}\n")


if __name__ == "__main__":
    main()
