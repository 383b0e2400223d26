"""Where tests find the recorded market data: FLASHCRASH_DATA and nowhere else.

The files may not be shipped (their licences and market data terms), so a test that needs one says what is missing and is skipped.
"""

import os
from pathlib import Path

import pytest

__all__ = ["ATOM", "POL", "SPOT", "USDM", "recorded"]

SPOT = ("binance_spot_BTCUSDT_raw_2024-08-08.gz", "binance_spot_BTCUSDT_raw_2024-08-09.gz")
USDM = "binance_usdm_BTCUSDT_raw_2024-08-08.gz"
POL = "binance_spot_POLUSDT_trades_2025-10-10.csv.gz"
ATOM = "atomusdt_sweep_2025-10-10.csv"


def recorded(name: str) -> Path:
    """A recorded file, or a skip that says why it is not there."""
    folder = os.environ.get("FLASHCRASH_DATA")
    if not folder:
        pytest.skip("FLASHCRASH_DATA is not set: the recorded market data are not here")
    path = Path(folder).resolve() / name
    if not path.exists():
        pytest.skip(f"{name} is not in FLASHCRASH_DATA")
    return path
