"""Every relative link of the documents leads somewhere: to a file that exists, and to a heading that it has."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK: Final = re.compile(r"\]\((?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")


@cache
def prose(document: Path) -> str:
    """The text without code, in which brackets mean other things."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`(?!\])", "", text)


@cache
def anchors(document: Path) -> frozenset[str]:
    """What a heading is called in a link: lower case, words joined by dashes, other signs left out."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def dead(document: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    found: list[str] = []
    for match in LINK.finditer(prose(document)):
        if ":" in match["path"]:
            continue  # another site
        target = (document.parent / match["path"]).resolve() if match["path"] else document
        if not target.exists() or (match["anchor"] and (target.suffix != ".md" or match["anchor"] not in anchors(target))):
            found.append(match[0])
    return found


def test_a_dead_link_would_be_found(tmp_path: Path) -> None:
    """A file that is missing and a heading that is missing are found; good links, other sites and code are not."""
    document = tmp_path / "page.md"
    document.write_text(
        "# One, two\n[a](#one-two) [b](gone.md) [c](#three) [d](page.md#one-two) [e](https://example.org/x)\n"
        "```text\n[f](gone.md)\n```\n`x[0](gone.md)` [`g`](gone.md#x)\n"
    )
    assert dead(document) == ["](gone.md)", "](#three)", "](gone.md#x)"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    """No relative link of the document is dead."""
    assert dead(document) == []
