"""Read which ``api`` a plugin declares from its source text, so that locking and checking run no foreign code."""

import ast
from collections.abc import Iterator
from importlib import metadata

from flashcrash_core.errors import PluginContract
from flashcrash_core.registry.installation import Installation

__all__ = ["declared_api"]

_NAME = "flashcrash_plugin"


def declared_api(installation: Installation) -> int:
    """The one ``api`` of all plugins of a distribution.

    Raises PluginContract when a plugin does not write it as a literal number in the module that its entry point names, or when two
    plugins of the distribution declare different ones.
    """
    shown = f"{installation.distribution} {installation.version}"
    found: dict[int, str] = {}
    for name, target in sorted(installation.entry_points.items()):
        module = metadata.EntryPoint(name, target, "").module
        file = installation.modules.get(module)
        if file is None or file.path.suffix != ".py":
            raise PluginContract(
                f"plugin {name} ({shown}): its module {module} is not among the source files that RECORD lists; reinstall {shown}"
            )
        try:
            source = file.path.read_bytes()
        except OSError as error:
            raise PluginContract(
                f"plugin {name} ({shown}): {file.path} cannot be read: {error.strerror}; reinstall {shown}"
            ) from error
        api = _api_in(source, str(file.path), f"plugin {name} ({shown})")
        found.setdefault(api, name)
    if not found:
        raise PluginContract(f"{shown}: has no entry point in the group flashcrash; it brings no plugin")
    if len(found) > 1:
        claims = " and ".join(f"api {api} ({name})" for api, name in found.items())
        raise PluginContract(f"{shown}: its plugins declare {claims}; one distribution is made for one api")
    return next(iter(found))


def _api_in(source: bytes, path: str, shown: str) -> int:
    try:
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError) as error:
        raise PluginContract(f"{shown}: {path} is not valid Python: {error}; reinstall or repair it") from error
    for value in _declarations(tree):
        if isinstance(value, ast.Call):
            given = [keyword.value for keyword in value.keywords if keyword.arg == "api"] or value.args[:1]
            if given and isinstance(given[0], ast.Constant) and type(given[0].value) is int:
                return given[0].value
    raise PluginContract(
        f"{shown}: {path} does not say {_NAME} = PluginInfo(api=NUMBER, ...) in plain text; its api cannot be read without "
        "running it. Its author must write the number there"
    )


def _declarations(tree: ast.Module) -> Iterator[ast.expr]:
    """What is assigned to ``flashcrash_plugin``, in the module or in a class of it."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        value = getattr(node, "value", None)
        if value is not None and any(isinstance(target, ast.Name) and target.id == _NAME for target in targets):
            yield value
