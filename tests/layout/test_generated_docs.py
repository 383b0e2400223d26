"""The generated pages of docs/ say what the code says now, and the code leaves nothing undocumented."""

from typing import Any

import pytest
from generate.hooks import PARTS, Hook, hooks, hooks_page, read_hook, spec_classes, spec_fields
from generate.markdown import DOCS

RENEW = "run `make docs`"


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook.name)
def test_every_hook_is_documented_in_all_its_parts(hook: Hook) -> None:
    """Each hook has a summary, every part of the regular form, and one text per argument; nothing is documented that it lacks."""
    assert hook.summary
    assert list(hook.parts) == list(PARTS)
    assert [name for name, part in hook.parts.items() if not part] == []
    assert set(hook.arguments) == set(hook.parameters)
    assert [name for name, text in hook.arguments.items() if len(text) < 10] == []


def test_an_undocumented_argument_would_be_found() -> None:
    """An argument that only the text of its neighbour mentions is not documented, and neither is a part that is left out."""

    def planted(self: object, known: int, forgotten: int) -> None:
        """Do something.

        Called:
            Never.
        Arguments:
            known: Goes together with forgotten,
                forgotten: as said here.
        """

    hook = read_hook("flashcrash_planted", planted)
    assert hook.parameters == ("known", "forgotten")
    assert set(hook.arguments) == {"known"}
    assert list(hook.parts) == ["Called", "Arguments"]


@pytest.mark.parametrize("cls", spec_classes(), ids=lambda cls: str(cls.__name__))
def test_every_field_of_a_descriptor_is_documented(cls: type[Any]) -> None:
    """Each field that a descriptor class declares has an attribute docstring."""
    fields = spec_fields(cls)
    assert fields
    assert [name for name, _, _, doc in fields if len(doc) < 10] == []


def test_the_hook_reference_is_what_the_generator_writes() -> None:
    """docs/plugins/hooks.md equals the page made from the hooks as they are."""
    assert (DOCS / "plugins" / "hooks.md").read_text(encoding="utf-8") == hooks_page(), RENEW
