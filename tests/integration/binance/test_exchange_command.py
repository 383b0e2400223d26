"""``flashcrash exchange`` as a user starts it."""

import json
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from flashcrash_feeds.samples import replay_samples

FLASHCRASH: Final = str(Path(sysconfig.get_path("scripts")) / "flashcrash")
_TIMEOUT_S: Final = 60


@contextmanager
def serving(*options: str, ends: bool = True) -> Iterator[dict[str, str]]:
    """The command with these options, and the line it printed; it must end cleanly."""
    with subprocess.Popen([FLASHCRASH, "exchange", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, process.communicate(timeout=_TIMEOUT_S)
            yield json.loads(line)
            if ends:
                process.send_signal(signal.SIGTERM)
            out, told = process.communicate(timeout=_TIMEOUT_S)
        finally:
            process.kill()
        assert process.returncode == 0, told[-3000:]
        assert (out, told) == ("", "")


def get(url: str) -> dict[str, object]:
    with urlopen(url, timeout=_TIMEOUT_S) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_of_addresses_and_a_clean_end(number: signal.Signals) -> None:
    """It prints addresses and keys as soon as it listens on a free port, and ends with exit code 0 when told to."""
    with subprocess.Popen([FLASHCRASH, "exchange"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        assert set(addresses) == {"rest", "ws", "ws_api", "api_key", "api_secret", "ed25519_key", "ed25519_seed"}
        assert get(f"{addresses['rest']}/api/v3/depth?symbol=SIMUSDT")["lastUpdateId"]
        process.send_signal(number)
        out, told = process.communicate(timeout=_TIMEOUT_S)
    assert (process.returncode, out, told) == (0, "", "")


def test_a_second_signal_changes_nothing() -> None:
    """Impatience while it ends is no error."""
    with subprocess.Popen([FLASHCRASH, "exchange"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)  # as often as somebody could press the keys, until it is gone
        out, told = process.communicate(timeout=_TIMEOUT_S)
    assert (process.returncode, out, told) == (0, "", "")


def test_several_symbols_of_usdm() -> None:
    """Symbols and market as asked for."""
    with serving("--symbols", "AUSDT,busdt", "--market", "usdm", "--seed", "3") as at:
        listed = get(f"{at['rest']}/fapi/v1/exchangeInfo")["symbols"]
        assert [one["symbol"] for one in listed] == ["AUSDT", "BUSDT"]  # type: ignore[union-attr, index]
        assert at["ws_api"].endswith("/ws-fapi/v1")


def test_a_capture_is_played_and_stands_still(tmp_path: Path) -> None:
    """The source's symbol and book; at the end the last book stays, with the id of the last diff or quote."""
    capture = replay_samples()["whole"](tmp_path, 600)
    last = max(
        message["u"] for line in capture.read_bytes().splitlines() if (message := json.loads(line.partition(b" ")[2])).get("u")
    )
    with serving("--source", str(capture), "--speed", "100") as at:
        while not (state := get(f"{at['rest']}/flashcrash/exchange")["markets"]["SIMUSDT"])["ended"]:  # type: ignore[index]
            assert state["update_id"] <= last
        assert state == {"update_id": last, "ended": True, "fault": ""}
        assert get(f"{at['rest']}/api/v3/depth?symbol=SIMUSDT&limit=5000")["lastUpdateId"] == last


def test_the_exchange_ends_with_its_source_if_told_to(tmp_path: Path) -> None:
    """``--at-end stop`` needs no signal."""
    capture = replay_samples()["whole"](tmp_path, 300)
    with serving("--source", str(capture), "--speed", "100", "--at-end", "stop", ends=False):
        pass


def test_faults_are_scripted() -> None:
    """A plan on the command line takes effect, and the status tells of it."""
    with serving("--faults", "server_error=502:1:exchangeInfo,lose=1%") as at:
        with pytest.raises(HTTPError, match="502"):
            get(f"{at['rest']}/api/v3/exchangeInfo")
        status = get(f"{at['rest']}/flashcrash/exchange")
        assert status["faults"] == "server_error=502:1:exchangeInfo,lose=1%"
        assert [one["detail"] for one in status["injected"]] == ["502"]  # type: ignore[index, union-attr]


def test_the_clock_is_set_by_an_option() -> None:
    """An hour ahead of this machine."""
    with serving("--clock-offset", "3600000") as at:
        before_s = time.time()
        ahead_s = get(f"{at['rest']}/api/v3/time")["serverTime"] / 1000 - 3600  # type: ignore[operator]
        assert before_s - 0.01 <= ahead_s <= time.time() + 0.01


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--faults", "explode"], "no fault 'explode'"),
        (["--source", "nowhere.gz"], "no such file"),
        (["--speed", "fast"], "a positive number"),
        (["--speed", "-1"], "a positive number"),
        (["--market", "options"], "choose spot or usdm"),
        (["--at-end", "explode"], "choose one of stay"),
        (["--symbols", "A,A"], "names one market twice"),
    ],
)
def test_wrong_options_are_told_in_one_line(options: list[str], told: str) -> None:
    """Exit code 2, nothing on standard output."""
    done = subprocess.run([FLASHCRASH, "exchange", *options], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told() -> None:
    """With what to do."""
    with serving() as at:
        port = at["rest"].rpartition(":")[2]
        done = subprocess.run(
            [FLASHCRASH, "exchange", "--port", port], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    assert done.returncode == 2
    assert f"--port {port}: cannot listen there" in done.stderr
