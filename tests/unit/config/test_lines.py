"""The line of every key, against the parser's own idea of which keys there are."""

from typing import Any

import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flashcrash_core.config.lines import key_lines

TEXT = '''\
title = "a # not a comment = x" # one
[servers]
  "quoted.key" = 1
  'literal' = """
[not.a.table]
x = 1 \\"""
"""
  alpha.beta = { ip = "10.0.0.1", "role" = ['a]', "b}"] } # inline
[servers."x y".deep]
list = [ # comment ]
  1, 2,
  { k = 1 },
]
raw = \'\'\'
[no]
\'\'\'
after = 2024-01-01T00:00:00Z
[[rows]]
id = 1
[[rows]]
id = 2
'''


def test_lines_of_a_document_with_everything_in_it() -> None:
    """Comments, multi-line strings, quoted and dotted keys, inline tables and arrays do not shift the lines."""
    lines = {".".join(path): line for path, line in key_lines(TEXT).items()}
    assert lines == {
        "title": 1,
        "servers": 2,
        "servers.quoted.key": 3,
        "servers.literal": 4,
        "servers.alpha": 8,
        "servers.alpha.beta": 8,
        "servers.alpha.beta.ip": 8,
        "servers.alpha.beta.role": 8,
        "servers.x y": 9,
        "servers.x y.deep": 9,
        "servers.x y.deep.list": 10,
        "servers.x y.deep.list.k": 12,
        "servers.x y.deep.raw": 14,
        "servers.x y.deep.after": 17,
        "rows": 18,
        "rows.id": 19,
    }


_keys = st.text("ab.\"'#[]= \\", min_size=1, max_size=4)
_texts = st.text("ab\"'#[]=, \\\n", max_size=8)
_values = st.recursive(
    _texts | st.integers(-(2**40), 2**40) | st.booleans() | st.lists(_texts, max_size=3),
    lambda inner: st.dictionaries(_keys, inner, max_size=3),
    max_leaves=12,
)


def _paths(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(value, dict):
        return set()
    return {(*path, key) for key in value} | {found for key, inner in value.items() for found in _paths(inner, (*path, key))}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a busy machine is no finding
@given(st.dictionaries(_keys, _values, max_size=4))
def test_every_key_of_any_document_has_a_line_that_shows_it(tree: dict[str, Any]) -> None:
    """For any document that tomlkit writes, the scanner finds exactly its keys, each within the text."""
    text = tomlkit.dumps(tree)
    lines = key_lines(text)
    assert set(lines) == _paths(tomlkit.parse(text).unwrap())
    count = text.count("\n") + 1
    assert all(1 <= line <= count for line in lines.values())
