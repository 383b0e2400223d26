"""A new plugin's project, rendered from the templates beside this module, and written to an empty place.

Templates are plain files with ``$plugin`` placeholders: ``common`` for every kind, and one folder for each kind with
``module.py.txt``, ``test.py.txt`` and ``does.md.txt``. A placeholder that nothing fills is an error, not a gap in a project.
"""

import errno
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from flashcrash_core import __version__
from flashcrash_core.cli.scaffold.naming import ProjectNames
from flashcrash_core.errors import UsageError

__all__ = ["RUN_COMMANDS", "render_project", "write_project"]

RUN_COMMANDS: Final = {
    "indicator": "flashcrash run --plugins +$plugin",
    "scorer": "flashcrash run --plugins +$plugin --set scorer.use=$plugin",
    "strategy": "flashcrash run --plugins +$plugin --set strategy.use=$plugin",
    "executor": "flashcrash run --plugins +$plugin --set executor.use=$plugin",
    "store": "flashcrash run --plugins +$plugin --set storage.use=$plugin --db var/$plugin",
    "feed": "flashcrash run --plugins +$plugin --tape trades.csv",
}
"""How a plugin of each kind is tried out."""

_MORE_DEPENDENCIES: Final = dict.fromkeys(("executor", "store"), ', "msgspec>=0.19"')


def render_project(names: ProjectNames) -> dict[str, str]:
    """Relative path to text of every file of the project. ``str.format`` would trip over the braces of code, so it is Template."""
    article = "an" if names.kind[0] in "aeiou" else "a"
    values = {
        "plugin": names.plugin,
        "kind": names.kind,
        "distribution": names.distribution,
        "package": names.package,
        "module": names.module,
        "cls": names.cls,
        "article": article.capitalize(),
        "article_upper": article.capitalize(),
        "versions": _version_range(__version__),
        "more_dependencies": _MORE_DEPENDENCIES.get(names.kind, ""),
    }
    values["command"] = Template(RUN_COMMANDS[names.kind]).substitute(values)
    values["does"] = _filled(f"{names.kind}/does.md.txt", values).strip()
    return {
        "pyproject.toml": _filled("common/pyproject.toml.txt", values),
        "README.md": _filled("common/README.md.txt", values),
        ".gitignore": _filled("common/gitignore.txt", values),
        f"src/{names.package}/__init__.py": _filled("common/package.py.txt", values),
        f"src/{names.package}/py.typed": "",
        f"src/{names.package}/{names.module}.py": _filled(f"{names.kind}/module.py.txt", values),
        f"tests/test_{names.module}.py": _filled(f"{names.kind}/test.py.txt", values),
    }


def write_project(folder: Path, files: dict[str, str]) -> None:
    """Write the files, over nothing. Raises UsageError when ``folder`` holds anything, is no folder, or cannot be written."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: exists and is not a folder; give another place with --path")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty, and nothing in it is overwritten; give another place with --path")
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        reason = error.strerror or errno.errorcode.get(error.errno or 0, str(error))
        raise UsageError(f"{error.filename or folder}: cannot be written: {reason}; give another place with --path") from error


def _filled(template: str, values: dict[str, str]) -> str:
    found: Traversable = resources.files("flashcrash_core.cli.scaffold").joinpath("templates", *template.split("/"))
    return Template(found.read_text("utf-8")).substitute(values)


def _version_range(version: str) -> str:
    """``>=0.1,<0.2`` for 0.1.x: before 1.0 a minor version may break; from 1.0 on only a major one."""
    major, minor = (int(part) for part in version.split(".")[:2])
    upper = f"{major}.{minor + 1}" if major == 0 else str(major + 1)
    return f">={major}.{minor},<{upper}"
