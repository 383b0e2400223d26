"""Names of a new plugin: what the author gives, and what follows from it.

``my-vpin`` is the plugin's name (``--plugins +my-vpin``) and that of what it offers. Its distribution is ``flashcrash-my-vpin``, so
that everybody sees on a package index what it is for, its package ``flashcrash_my_vpin``, its module ``my_vpin``.
"""

import keyword
import re
import unicodedata
from importlib.util import find_spec
from typing import Final

from attrs import frozen

from flashcrash_core.config import did_you_mean
from flashcrash_core.errors import UsageError
from flashcrash_core.registry import KINDS, installed_plugins

__all__ = ["ProjectNames", "project_names"]

_PREFIX: Final = "flashcrash-"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 30
"""The lines of a new project stay within 100 columns."""


@frozen
class ProjectNames:
    """All names of one project."""

    plugin: str
    kind: str
    distribution: str
    package: str
    module: str
    cls: str
    """``MyVpin``, for the test class."""


def project_names(name: str, kind: str) -> ProjectNames:
    """Check and derive. Raises UsageError for a name that cannot be used, or that is taken in this environment."""
    if kind not in KINDS:
        raise UsageError(f"--kind {kind}: there is no such kind of plugin; {did_you_mean(kind, KINDS, what='kinds')}")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"plugins new {name}: a name begins with a small letter, holds small letters, digits and single dashes, and has at "
            f"most {_LONGEST} characters, as in my-vpin{_suggestion(name)}"
        )
    if name == _PREFIX.removesuffix("-") or name.startswith(_PREFIX):
        short = name.removeprefix(_PREFIX)
        raise UsageError(
            f"plugins new {name}: leave out the {_PREFIX}, the distribution gets it by itself"
            + (f"; write plugins new {short}" if short != name else "; name what it measures, as in my-vpin")
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise UsageError(f"plugins new {name}: its module would be {name}.py, and {name} is a word of Python; try my-{name}")
    taken = [plugin for plugin in installed_plugins() if plugin.name == name]
    if taken:
        owner = "is shipped with flashcrash" if taken[0].first_party else f"is installed already, by {taken[0].distribution}"
        raise UsageError(f"plugins new {name}: a plugin of this name {owner}; choose another name, as in my-{name}")
    words = name.split("-")
    module = "_".join(words)
    package = f"flashcrash_{module}"
    found = find_spec(package)
    if found is not None:
        where = found.origin or "a folder on the path"
        raise UsageError(f"plugins new {name}: its package would be {package}, which exists ({where}); choose another name")
    return ProjectNames(name, kind, _PREFIX + name, package, module, "".join(word.capitalize() for word in words))


def _suggestion(name: str) -> str:
    """The name that was probably meant; a capital begins a word, as in MyVpin, and a letter loses its accent."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    dashed = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", plain).lower()
    near = re.sub(r"[^a-z0-9]+", "-", dashed).strip("-")
    if near[:1].isdigit() or keyword.iskeyword(near) or keyword.issoftkeyword(near):
        near = f"my-{near}"
    near = near[:_LONGEST].strip("-")
    return f"; try {near}" if _NAME.fullmatch(near) else ""
