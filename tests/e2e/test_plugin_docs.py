"""What the pages for plugin authors show works as shown: each page is followed from top to bottom in an empty folder.

- ```` ```python ```` runs as a script, with every warning an error;
- the same behind ``<!-- file: NAME -->`` is saved under that name;
- ```` ```console ```` lines that start with ``$ `` run, and end well: ``flashcrash`` and ``pytest``;
- ``<!-- exits: N -->`` before a console block says that its commands end with N;
- ``<!-- not run: REASON -->`` leaves the next block out. Blocks of other languages are not run.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "plugins").glob("*.md"))
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>file|exits|not run): (?P<what>.+?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.S | re.M
)


@frozen
class Block:
    """A fenced block of a page, with the mark in front of it."""

    line: int
    language: str
    text: str
    mark: str
    what: str


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [
        Block(text[: m.start("language")].count("\n") + 1, m["language"], m["text"], m["mark"] or "", m["what"] or "")
        for m in _BLOCK.finditer(text)
    ]


def programs(block: Block) -> list[list[str]]:
    """The commands of a block; fails for one that the runner does not know."""
    if block.mark == "not run" or (block.language == "python" and block.mark == "file"):
        return []
    if block.language == "python":
        return [[sys.executable, "-W", "error", "-c", block.text]]
    if block.language != "console":
        return []
    modules = {"flashcrash": "flashcrash_core", "pytest": "pytest"}
    found = []
    for line in re.findall(r"^\$ (.*)$", block.text, flags=re.M):
        name, *arguments = shlex.split(line, comments=True)
        assert name in modules, f"line {block.line}: only {', '.join(modules)} can be run from a console block, not {name}"
        found.append([sys.executable, "-m", modules[name], *arguments])
    assert found, f"line {block.line}: a console block without a line that starts with '$ '"
    return found


def follow(page: str, name: str, folder: Path) -> int:
    """Follow a page in ``folder``; returns how many programs ran. Fails at the first that does not end as it should."""
    ran = 0
    for block in blocks(page):
        if block.mark == "file":
            path = folder / block.what
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        expected = int(block.what) if block.mark == "exits" else 0
        for program in programs(block):
            done = subprocess.run(program, capture_output=True, text=True, cwd=folder, check=False)
            shown = program[-1] if program[-2] == "-c" else shlex.join(program[2:])
            end = f"ended with {done.returncode}, not {expected}"
            assert done.returncode == expected, f"{name}:{block.line} {end}\n{shown}\n{done.stdout}\n{done.stderr}"
            ran += 1
    return ran


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_works_as_it_reads(page: Path, tmp_path: Path) -> None:
    """Every python and console block of the page runs, in order, in one folder."""
    follow(page.read_text(encoding="utf-8"), page.name, tmp_path)


def test_the_harness_page_has_programs(tmp_path: Path) -> None:
    """The blocks are found: a change of layout must not make the test above an empty one."""
    page = (ROOT / "docs" / "plugins" / "harness.md").read_text(encoding="utf-8")
    assert sum(len(programs(block)) for block in blocks(page)) >= 5
    assert {block.what for block in blocks(page) if block.mark == "file"} == {"seller_share.py", "test_seller_share.py"}


def test_the_harness_page_lists_every_tape() -> None:
    """The table of tapes is the one that the code gives."""
    from flashcrash_core.testing import TAPES

    page = (ROOT / "docs" / "plugins" / "harness.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, flags=re.M)) == dict(TAPES)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\nassert 1 == 2\n```\n", r"page\.md:1 ended with 1, not 0"),
        ("text\n\n```python\nimport warnings\nwarnings.warn('old')\n```\n", r"page\.md:3 ended with 1"),
        ("```console\n$ flashcrash plugins shw\n```\n", "ended with 2, not 0"),
        ("<!-- exits: 2 -->\n```console\n$ flashcrash --version\n```\n", "ended with 0, not 2"),
        ("```console\n$ rm -r x\n```\n", "only flashcrash, pytest can be run"),
        ("```console\nflashcrash run\n```\n", "without a line that starts"),
    ],
)
def test_a_page_that_does_not_work_fails(page: str, message: str, tmp_path: Path) -> None:
    """The runner fails for a wrong result, a warning, a wrong exit code, and what it cannot run, and names the line."""
    with pytest.raises(AssertionError, match=message):
        follow(page, "page.md", tmp_path)


def test_files_and_marks_are_followed(tmp_path: Path) -> None:
    """A saved file can be imported by a later block; what is marked as not run is not."""
    page = (
        "<!-- file: part/one.py -->\n```python\nx = 3\n```\n"
        "```python\nfrom part.one import x\nassert x == 3\n```\n"
        "<!-- not run: needs a network -->\n```python\nraise SystemExit(3)\n```\n"
        "<!-- exits: 2 -->\n```console\n$ flashcrash plugins shw   # a misspelt command\n```\n"
        "```toml\nnot run\n```\n"
    )
    assert follow(page, "page.md", tmp_path) == 2
