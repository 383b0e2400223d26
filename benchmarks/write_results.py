"""Write docs/results.md: run the product's commands on the recorded files and on the simulated market, and tabulate their reports.

    FLASHCRASH_DATA=... python benchmarks/write_results.py [--out docs/results.md]

Needs the recorded files (they are not part of the project). Takes some minutes; two processes at most.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from results_runs import FILES, first_runs, run_all, sensitivity_runs
from results_text import compose_document

from flashcrash_core import __version__

_DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "results.md"
_HEADING = f"""# Results

Written by `make results` (benchmarks/write_results.py) from the reports of flashcrash {__version__}; do not edit. The recorded
files are not part of the project. What a result stands on is in the column *data tier*: `L2` is a real book, `trades` real trades
without a book, `SYNTHETIC` a market made by this program. Money is in quote currency; the account starts with 10,000. Fills without
a book follow M1, with a book M2 (reference section 5).
"""


def main() -> int:
    """Run everything, then write the page; nothing is written when a command fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=_DOCUMENT)
    options = parser.parse_args()
    data = os.environ.get("FLASHCRASH_DATA")
    if not data:
        sys.exit(
            "FLASHCRASH_DATA is not set: name the folder that holds the recorded files, as in FLASHCRASH_DATA=../data make results"
        )
    folder = Path(data).resolve()
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        sys.exit(f"FLASHCRASH_DATA={data}: does not hold {', '.join(missing)}; docs/results.md was not written")
    with tempfile.TemporaryDirectory() as scratch:
        first = run_all(first_runs(), folder, Path(scratch))
        # A profile that considered no entry has nothing that fills, latency or fees could change.
        trading = [o.run.profile for o in first if o.run.group == "pol" and o.report["entries_rejected"]]
        sensitivity = run_all(sensitivity_runs(trading), folder, Path(scratch))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(compose_document(first, sensitivity, _HEADING))
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
