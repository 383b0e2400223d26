"""The streaming benchmark runs, and its builds do the same work; the results page is not written without its data."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A benchmark script in a process of its own, in an empty directory."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_all_builds_of_the_streaming_benchmark_give_the_same_rows(tmp_path: Path) -> None:
    """One round over 40 s of a rendered market: equal digests over rows, judged values and decisions, and a ratio is printed."""
    capture = tmp_path / "simulated.gz"
    rendered = run(ROOT / "benchmarks/render_capture.py", capture, "--seconds", "40", cwd=tmp_path)
    assert rendered.returncode == 0, rendered.stderr
    done = run(ROOT / "benchmarks/streaming.py", capture, "--rounds", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    digests = [line[16:].strip() for line in done.stdout.splitlines() if " rows " in line and " decisions " in line]
    assert len(digests) == 3, done.stdout
    assert len(set(digests)) == 1
    assert int(digests[0].split()[0].replace(",", "")) >= 390
    assert "ratio on the grid" in done.stdout
    assert "ratio per message" in done.stdout


def test_the_benchmark_gives_no_ratio_when_the_builds_differ(tmp_path: Path) -> None:
    """A reference that loses a tick is found out: exit code 1, no ratio."""
    capture = tmp_path / "simulated.gz"
    assert run(ROOT / "benchmarks/render_capture.py", capture, "--seconds", "5", cwd=tmp_path).returncode == 0
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r}); sys.argv = ['streaming.py', {str(capture)!r}]\n"
        "import hook_per_message as h, streaming\n"
        "exact = h._ticks\n"
        "h._ticks = lambda text, instrument: exact(text, instrument) - 1\n"
        "sys.exit(streaming.main())\n"
    )
    done = run("-c", script, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "DISAGREE" in done.stdout
    assert "ratio" not in done.stdout.replace("no ratio", "")


def test_the_benchmark_of_the_guard_runs(tmp_path: Path) -> None:
    """Two rounds over a short market: the loops give equal readings, and every ratio is printed. Their size decides nothing."""
    done = run(ROOT / "benchmarks/guarded_dispatch.py", "--rounds", "2", "--seconds", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("loop without a guard", "guarded loop  ", "guarded loop with stopwatch", "hook calls / bound methods"):
        assert line in done.stdout, line


def test_the_results_page_is_refused_without_its_data(tmp_path: Path) -> None:
    """Without FLASHCRASH_DATA, or with a folder that lacks a file: one clear message, exit code 1, nothing written."""
    page = tmp_path / "results.md"
    bare = {name: value for name, value in os.environ.items() if name != "FLASHCRASH_DATA"}
    for environment, told in ((bare, "FLASHCRASH_DATA is not set"), ({**bare, "FLASHCRASH_DATA": str(tmp_path)}, "does not hold")):
        command = [sys.executable, str(ROOT / "benchmarks/write_results.py"), "--out", str(page)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert told in done.stderr
        assert "Traceback" not in done.stderr
        assert not page.exists()


def test_the_benchmark_of_the_import_runs(tmp_path: Path) -> None:
    """A small generated day is imported, and its row is printed; nothing is left of it."""
    command = [sys.executable, ROOT / "benchmarks/tape_import.py", "--rows", "2000"]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("| 2,000"))
    assert 20 < int(row.split("|")[6]) < 1_000, row
    assert list(tmp_path.iterdir()) == []
