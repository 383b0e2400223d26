"""Clients that others wrote keep the local exchange's book, take its trades and trade on it, in their own environment."""

import json
import os
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest

from flashcrash_feeds.samples import replay_samples

CLIENTS: Final = Path(__file__).parents[2] / "third_party" / "venue_clients"
EVENTS: Final = 6_000
_INSTALL_TIMEOUT_S: Final = 420
_TIMEOUT_S: Final = 120

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clients_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clients' environment, installed from the package index as their users do; skips where there is none to be had."""
    folder = tmp_path_factory.mktemp("clients") / "env"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", CLIENTS / "requirements.txt"]
    done = subprocess.run(
        list(map(str, (python, *install))),
        capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no output"]
        if os.environ.get("CI"):
            pytest.fail(f"the independent clients could not be installed: {done.stderr[-2000:]}")
        pytest.skip(f"the independent clients could not be installed: {reason[0]}")
    return python


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic capture of about a minute; the exchange plays it and then stands still."""
    return replay_samples()["whole"](tmp_path_factory.mktemp("capture"), EVENTS)


@pytest.fixture(scope="module")
def last(capture: Path) -> dict[str, int]:
    """Last update and trade of the capture."""
    found = {"update": 0, "trade": 0}
    for line in capture.read_bytes().splitlines():
        message = json.loads(line.partition(b" ")[2])
        data = message.get("data", message)
        if data.get("e") == "depthUpdate":
            found["update"] = data["u"]
        elif data.get("e") == "trade":
            found["trade"] = data["t"]
    return found


@pytest.fixture
def exchange(capture: Path) -> Iterator[dict[str, str]]:
    """``flashcrash exchange`` as a user starts it, and what it printed."""
    command = [str(Path(sysconfig.get_path("scripts")) / "flashcrash"), "exchange", "--source", str(capture), "--speed", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 0, told[-3000:]


@pytest.fixture
def trading_venue() -> Iterator[dict[str, str]]:
    """An exchange with a simulated market and its account, as a user starts it."""
    command = [str(Path(sysconfig.get_path("scripts")) / "flashcrash"), "exchange", "--seed", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 0, told[-3000:]


@pytest.mark.parametrize("script", ["with_python_binance.py", "with_ccxt.py", "with_official_sdk.py"])
def test_an_independent_client_holds_the_exchanges_own_book(
    script: str, clients_python: Path, exchange: dict[str, str], last: dict[str, int]
) -> None:
    """It syncs by its own code, ends with every level that REST serves at the end, and misses no trade on the way."""
    symbol = "SIMUSDT"
    arguments = (CLIENTS / script, exchange["rest"], exchange["ws"], symbol, last["update"], last["trade"])
    done = subprocess.run(
        list(map(str, (clients_python, *arguments))),
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, cwd=CLIENTS,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    held = json.loads(done.stdout.splitlines()[-1])
    with urlopen(f"{exchange['rest']}/api/v3/depth?symbol={symbol}&limit=5000", timeout=10) as answer:
        truth = json.load(answer)
    assert held["update_id"] >= last["update"]
    for side in ("bids", "asks"):
        mine = {Decimal(price): Decimal(quantity) for price, quantity in held[side].items()}
        true = {Decimal(price): Decimal(quantity) for price, quantity in truth[side]}
        assert mine == true, f"{side}: {sorted(mine.items() ^ true.items())[:6]}"
    trades = held["trades"]
    assert trades == list(range(trades[0], trades[-1] + 1)), "a trade is missing or came twice"
    assert trades[-1] == last["trade"]


@pytest.mark.parametrize("script", ["orders_with_python_binance.py", "orders_with_ccxt.py", "orders_with_official_sdk.py"])
def test_an_independent_client_places_cancels_and_reconciles_orders(
    script: str, clients_python: Path, trading_venue: dict[str, str]
) -> None:
    """By its own signing and parsing: open orders, a cancel and a second one, fills, trades, commissions and balances agree."""
    arguments = (CLIENTS / script, *(trading_venue[name] for name in ("rest", "ws_api", "api_key", "api_secret")), "SIMUSDT")
    done = subprocess.run(
        list(map(str, (clients_python, *arguments))),
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, cwd=CLIENTS,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    learned = json.loads(done.stdout.splitlines()[-1])
    assert learned["open_before"] == ["resting"]
    assert learned["second_cancel"] == -2011
    assert learned["statuses"] == {"resting": "CANCELED", "bought": "FILLED", "socket": "CANCELED"}
    assert learned["trades"] == learned["fills"] != []
    executed = Decimal(learned["executed"])
    assert sum(map(Decimal, learned["traded"])) == executed > 0
    free, locked = map(Decimal, learned["balances"]["SIM"])
    assert (free, locked) == (executed - sum(map(Decimal, learned["commissions"])), 0)
    assert Decimal(learned["balances"]["USDT"][1]) == 0
