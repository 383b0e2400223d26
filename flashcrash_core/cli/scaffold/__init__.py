"""New plugin projects: names, templates, files. ``flashcrash plugins new`` is the command."""

from flashcrash_core.cli.scaffold.naming import ProjectNames, project_names
from flashcrash_core.cli.scaffold.project import RUN_COMMANDS, render_project, write_project

__all__ = ["RUN_COMMANDS", "ProjectNames", "project_names", "render_project", "write_project"]
