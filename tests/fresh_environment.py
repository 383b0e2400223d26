"""A fresh virtual environment in which flashcrash is installed from its wheel, as a user has it, without any network.

The dependencies come from the environment that runs the tests: a .pth file in the new one points there. Paths from a .pth come last
and their own .pth files are not read, so neither the editable checkout nor its plugins are seen.
"""

import json
import os
import subprocess
import sys
import sysconfig
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import frozen

__all__ = ["CHECKOUT", "FreshEnvironment", "build_wheel", "fresh_environment"]

CHECKOUT: Final = Path(__file__).parents[1]
_TIMEOUT_S: Final = 600


@frozen
class FreshEnvironment:
    """An environment in ``folder``."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where it installs to."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder), "platbase": str(self.folder)}))

    def run(self, *command: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run a command of this environment (``flashcrash``, ``python``) in ``cwd``, with nothing of ours in the way."""
        name, *arguments = map(str, command)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("FLASHCRASH", "PYTHON", "PYTEST"))}
        return subprocess.run(
            [str(self.folder / "bin" / name), *arguments],
            cwd=cwd, env=inherited, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def ok(self, *command: object, cwd: Path) -> str:
        """Run something that must succeed; returns its standard output."""
        done = self.run(*command, cwd=cwd)
        assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def report(self, *command: object, cwd: Path) -> dict[str, Any]:
        """Run something that must print one JSON document; numbers exact."""
        document = json.loads(self.ok(*command, cwd=cwd), parse_float=Decimal)
        assert isinstance(document, dict)
        return document

    def pip(self, *arguments: object, cwd: Path) -> None:
        """The pip of the running environment, working on this one."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
        assert done.returncode == 0, f"pip {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"

    def install(self, *what: object, cwd: Path) -> None:
        """Install wheels or source folders, without their dependencies and without an index."""
        self.pip("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", *what, cwd=cwd)


def build_wheel(source: Path, out: Path) -> Path:
    """Build the wheel of the distribution in ``source`` and return its path."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


def fresh_environment(folder: Path) -> FreshEnvironment:
    """Make the environment with flashcrash in it, and make sure that it is the wheel that is found there."""
    environment = FreshEnvironment(folder / "environment")
    wheel = build_wheel(CHECKOUT, folder / "flashcrash")
    command = [sys.executable, "-m", "venv", "--without-pip", str(environment.folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)
    environment.install(wheel, cwd=folder)
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (environment.site_packages / "dependencies.pth").write_text("".join(f"{path}\n" for path in sorted(ours)), encoding="utf-8")
    found = environment.ok("python", "-c", "import flashcrash_core as f; print(f.__file__)", cwd=folder)
    assert Path(found.strip()).is_relative_to(environment.site_packages), f"the flashcrash under test is not the wheel: {found}"
    return environment
