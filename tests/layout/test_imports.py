"""The import rules of docs/architecture.md section 3, held over the source itself."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

ROOT: Final = Path(__file__).parents[2]
KERNEL: Final = ROOT / "flashcrash_core"
PLUGINS: Final = ROOT / "plugins"
PLUGIN_PACKAGES: Final = sorted(path for path in PLUGINS.glob("*/*") if (path / "__init__.py").exists())
VENUES: Final = {"flashcrash_binance"}

# A part of the kernel may import itself and what stands before it.
ORDER: Final = (
    "_version",
    "errors",
    "market",
    "detection",
    "batch",
    "trading",
    "simulation",
    "seams of storage",
    "spec_fields",
    "specs",
    "hookspecs",
    "config",
    "registry",
    "runtime",
    "api",
    "testing",
    "cli",
    "__main__",
)

# What the storage plugins implement stands in the runtime's folder, but knows nothing of the runtime.
SEAMS: Final = {"runtime.records", "runtime.storage"}

# On the path from event to decision: no clock, no chance, no I/O library, no logging (design idea 1).
DECISION_PATH: Final = (
    "flashcrash_core/market",
    "flashcrash_core/detection",
    "flashcrash_core/trading",
    "flashcrash_core/runtime/order_desk.py",
    "flashcrash_core/runtime/session.py",
    "flashcrash_core/runtime/venue_notices.py",
    "plugins/indicators",
    "plugins/scoring",
    "plugins/strategies",
)
# The base of live sources: the runner waits in it, and nothing is decided there.
WAITS_THERE: Final = {"flashcrash_core/market/live_source.py"}
FORBIDDEN_THERE: Final = {
    "asyncio",
    "datetime",
    "logging",
    "multiprocessing",
    "numpy.random",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "structlog",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
FORBIDDEN_NAMES: Final = {"os.urandom", "numpy.random", "np.random", "datetime.now", "datetime.utcnow", "time.time"}

# Who alone may import a library.
OWNERS: Final[dict[str, Callable[[str], bool]]] = {
    "pluggy": lambda path: path == "flashcrash_core/hookspecs.py" or path.startswith("flashcrash_core/registry/"),
    "tomlkit": lambda path: path.startswith("flashcrash_core/config/"),
    "cattrs": lambda path: path.startswith("flashcrash_core/config/"),
    # doctor reads the version of the library and nothing else
    "sqlite3": lambda path: path.startswith("plugins/storage/") or path == "flashcrash_core/cli/doctor.py",
    "numba": lambda path: (
        path in tuple(f"flashcrash_core/batch/{name}.py" for name in ("compiling", "compiling_notice", "numba_found"))
    ),
    "zmq": lambda path: path == "flashcrash_core/runtime/bus.py",
    # a plugin that adds a command describes its options with typer, in a module of its own
    "typer": lambda path: path.startswith("flashcrash_core/cli/") or (path.startswith("plugins/") and path.endswith("_command.py")),
    "rich": lambda path: path.startswith("flashcrash_core/cli/"),
}


@frozen
class Import:
    """One imported module, with the line it is imported on."""

    module: str
    line: int


def sources() -> list[Path]:
    """All Python files of kernel and plugins."""
    return sorted([*KERNEL.rglob("*.py"), *PLUGINS.rglob("*.py")])


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, also those inside functions and under TYPE_CHECKING; ``from a import b`` is both a and a.b."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}:{node.lineno}: relative import; write the whole name"
            yield Import(node.module or "", node.lineno)
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Call) and _is_import_call(node):
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Import(argument.value, node.lineno)


def _is_import_call(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("import_module", "__import__")


def part(module: tuple[str, ...]) -> str:
    """The part of the kernel that a module belongs to."""
    if ".".join(module[1:3]) in SEAMS:
        return "seams of storage"
    return "_version" if module[1] == "__init__" else module[1]


def names(path: Path) -> Iterator[Import]:
    """Every dotted name of two parts that a file uses, such as ``os.urandom``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield Import(f"{node.value.id}.{node.attr}", node.lineno)


def test_the_walk_sees_every_way_to_import(tmp_path: Path) -> None:
    """Imports in functions, under TYPE_CHECKING, through importlib and of a submodule by ``from`` are all found."""
    source = (
        "import a.b\nfrom c import d\nif TYPE_CHECKING:\n    import e\n"
        "def f():\n    import g\n    importlib.import_module('h.i')\n    __import__('j')\n    return os.urandom(1)\n"
    )
    path = tmp_path / "module.py"
    path.write_text(source)
    assert {found.module for found in imports(path)} == {"a.b", "c", "c.d", "e", "g", "h.i", "j"}
    assert Import("os.urandom", 9) in set(names(path))


def test_the_kernel_imports_no_plugin() -> None:
    """Nothing in flashcrash_core imports a plugin or venue package, by any means."""
    packages = {package.name for package in PLUGIN_PACKAGES}
    assert len(packages) >= 7
    broken = [
        f"{shown(path)}:{found.line} imports {found.module}"
        for path in KERNEL.rglob("*.py")
        for found in imports(path)
        if found.module.partition(".")[0] in packages
    ]
    assert broken == []


def test_plugins_import_only_the_api_themselves_and_venues() -> None:
    """A plugin sees flashcrash_core.api, its own package and a venue package; a venue sees the api and itself."""
    broken: list[str] = []
    for package in PLUGIN_PACKAGES:
        allowed = {package.name} | (set() if package.name in VENUES else VENUES)
        for path in package.rglob("*.py"):
            for found in imports(path):
                top = found.module.partition(".")[0]
                if top == "flashcrash_core":
                    good = found.module == "flashcrash_core.api" or found.module.startswith("flashcrash_core.api.")
                else:
                    good = not top.startswith("flashcrash_") or top in allowed
                if not good:
                    broken.append(f"{shown(path)}:{found.line} imports {found.module}")
    assert broken == []


def test_nothing_imports_the_local_exchange_but_its_command() -> None:
    """The test bench is in no path of a product run: only its own modules and its command know it."""
    exchange = "flashcrash_binance.exchange"
    own = PLUGINS / "venues" / "flashcrash_binance"
    broken = [
        f"{shown(path)}:{found.line} imports {found.module}"
        for path in sources()
        if not path.is_relative_to(own / "exchange") and path != own / "exchange_command.py"
        for found in imports(path)
        if found.module == exchange or found.module.startswith(f"{exchange}.")
    ]
    assert broken == []
    used = {found.module for path in (own / "exchange").rglob("*.py") for found in imports(path)}
    foreign = {module for module in used if module.startswith(("flashcrash_binance.market_feed", "flashcrash_binance.transport"))}
    assert foreign == set(), "the exchange judges the feed: it must not share its code"


def test_the_parts_of_the_kernel_are_in_order() -> None:
    """market <- detection <- trading <- runtime <- cli, with everything else in its place; nothing imports upwards."""
    rank = {name: position for position, name in enumerate(ORDER)}
    broken: list[str] = []
    for path in KERNEL.rglob("*.py"):
        own = part(("flashcrash_core", *path.relative_to(KERNEL).with_suffix("").parts))
        assert own in rank, f"{shown(path)}: give {own} a place in ORDER"
        for found in imports(path):
            parts = found.module.split(".")
            if parts[0] != "flashcrash_core" or len(parts) < 2 or parts[1] == "__version__":
                continue
            if parts[1:] == ["runtime"]:  # the package itself is empty; what is taken from it is listed as well
                continue
            other = part(tuple(parts))
            assert other in rank, f"{shown(path)}:{found.line}: give {other} a place in ORDER"
            if rank[other] > rank[own]:
                broken.append(f"{shown(path)}:{found.line} ({own}) imports {found.module}")
    assert broken == []


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_stays_with_its_owner(library: str) -> None:
    """pluggy in hookspecs and registry, tomlkit in config, SQL in storage, zmq in the bus, the terminal in cli."""
    broken = [
        f"{shown(path)}:{found.line}"
        for path in sources()
        for found in imports(path)
        if found.module.partition(".")[0] == library and not OWNERS[library](shown(path))
    ]
    assert broken == []


def test_the_decision_path_has_no_clock_no_chance_and_no_input_output() -> None:
    """Time comes in as events and chance as a seed: nothing there could make two runs differ."""
    broken: list[str] = []
    for path in sources():
        if not shown(path).startswith(DECISION_PATH) or shown(path) in WAITS_THERE:
            continue
        broken += [
            f"{shown(path)}:{found.line} imports {found.module}"
            for found in imports(path)
            if any(found.module == name or found.module.startswith(f"{name}.") for name in FORBIDDEN_THERE)
        ]
        broken += [f"{shown(path)}:{found.line} uses {found.module}" for found in names(path) if found.module in FORBIDDEN_NAMES]
    assert broken == []


def test_modules_stay_small() -> None:
    """No module beyond 500 lines: one subject each."""
    sizes = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {path: size for path, size in sizes.items() if size > 500} == {}


@pytest.mark.parametrize("package", [KERNEL, *PLUGIN_PACKAGES], ids=lambda package: str(package.name))
def test_every_package_is_typed(package: Path) -> None:
    """Each top-level package says that it is typed."""
    assert (package / "py.typed").is_file()


def test_plugin_folders_are_plain_source_roots() -> None:
    """``plugins/<kind>/`` has no __init__.py: it is a source root, not a package."""
    assert [shown(path) for path in PLUGINS.glob("*/__init__.py")] == []
    assert not (PLUGINS / "__init__.py").exists()


def test_every_plugin_module_of_the_metadata_exists() -> None:
    """Each entry point of pyproject.toml names a module of the source tree."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[project.entry-points.flashcrash]")[1].split("\n[")[0]
    targets = [line.split("=")[1].strip().strip('"') for line in section.splitlines() if "=" in line]
    assert len(targets) >= 17
    missing = [target for target in targets if not list(PLUGINS.glob(f"*/{target.replace('.', '/')}.py"))]
    assert missing == []
