"""``flashcrash plugins new``: a project that installs and passes its tests as it is."""

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new"]


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the plugin, as in my-vpin.")],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="indicator, scorer, strategy, executor, store or feed.")
    ] = "indicator",
    path: Annotated[
        Path | None, typer.Option("--path", metavar="DIR", help="Folder to write to, new or empty; default ./NAME.")
    ] = None,
) -> None:
    """Write a new plugin: pyproject, a small working module to change, its contract as a three-line test, README."""
    import shlex
    from string import Template

    from flashcrash_core.cli.scaffold import RUN_COMMANDS, project_names, render_project, write_project

    names = project_names(name, kind)
    folder = Path(name) if path is None else path
    files = render_project(names)
    write_project(folder, files)
    write = sys.stdout.write
    article = "an" if kind[0] in "aeiou" else "a"
    write(f"{folder}: {article} {kind} {name}, distribution {names.distribution}\n")
    for file in files:
        write(f"    {file}\n")
    steps = [
        f"cd {shlex.quote(str(folder))}",
        "pip install -e '.[dev]'",
        "pytest",
        f"flashcrash plugins check {name}",
        Template(RUN_COMMANDS[kind]).substitute(plugin=name),
    ]
    write("next:\n" + "".join(f"    {step}\n" for step in steps))
