"""Third-party distributions for tests, as an installer leaves them: modules, metadata and a RECORD with every hash."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

HEAD = """\
from attrs import frozen
from flashcrash_core.api import FeedSpec, NoConfig, PluginInfo, ScorerSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="for a test")
"""

SCORER = """
@hookimpl
def flashcrash_scorers():
    return [ScorerSpec(name="fine", summary="s", build=lambda config: None)]
"""


def write_distribution(
    site: Path,
    distribution: str,
    points: Mapping[str, str],
    sources: Mapping[str, str],
    *,
    version: str = "1.2",
    head: str = HEAD,
    record: bool = True,
    editable: bool = False,
) -> Path:
    """Install ``{entry point: module}`` and ``{module or path: source}`` into ``site``; returns the dist-info folder."""
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[flashcrash]\n{lines}")
    (info / "INSTALLER").write_text("pip\n")
    if editable:
        (info / "direct_url.json").write_text(json.dumps({"url": "file:///src", "dir_info": {"editable": True}}))
    written = [path for path in info.iterdir() if path.name != "RECORD"]
    for module, source in sources.items():
        path = site / (module if module.endswith(".py") else f"{module}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + textwrap.dedent(source))
        written.append(path)
    if record:
        write_record(site, info, written)
    return info


def write_record(site: Path, info: Path, files: list[Path]) -> None:
    """A RECORD over these files as they are now."""
    rows = [f"{path.relative_to(site).as_posix()},{_hash(path)},{path.stat().st_size}" for path in sorted(files)]
    (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,", ""]))


def flashcrash(site: Path, cwd: Path, *arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    """The command in ``cwd``, in a process of its own with ``site`` on the module path; it must not end in a traceback."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FLASHCRASH__")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "flashcrash_core", *map(str, arguments)],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def _hash(path: Path) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
