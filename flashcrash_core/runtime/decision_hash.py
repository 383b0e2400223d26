"""The chained hash over a session's decisions: event times, states, orders, refusal reasons, scores in 0.01.

No ids, no wall time: two runs that decided alike have the same hash whatever they were called and whenever they ran
(docs/architecture.md). Each link hashes the previous digest and one canonical line.
"""

from hashlib import blake2b
from math import isnan

from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.scoring import Score
from flashcrash_core.trading.orders import CancelOrder, SubmitOrder

__all__ = ["DecisionHash", "shown_hash"]

_SIZE = 16


def shown_hash(digest: str) -> str:
    """A decision hash as people read it: a run that decided nothing has none."""
    return digest if digest.strip("0") else "none (no decisions)"


class DecisionHash:
    """Running digest; :attr:`hex` is what reports print."""

    __slots__ = ("count", "digest")

    def __init__(self) -> None:
        self.digest = bytes(_SIZE)
        self.count = 0

    @property
    def hex(self) -> str:
        """The digest so far, 32 hexadecimal digits."""
        return self.digest.hex()

    def transition(self, t: Transition) -> None:
        """A change of state."""
        self._link(f"T {t.t_us} {t.symbol} {t.source} {t.target} {t.reason}")

    def submit(self, o: SubmitOrder) -> None:
        """An order sent."""
        stop = f" stop {o.stop_ticks}" if o.stop_ticks else ""  # nothing more for other orders: their hash stays what it was
        self._link(f"O {o.decided_us} {o.symbol} {o.side.name} {o.type} {o.price_ticks} {o.qty_lots} {o.reason}{stop}")

    def cancel(self, c: CancelOrder) -> None:
        """A cancel sent."""
        self._link(f"C {c.decided_us} {c.symbol} {c.reason}")

    def considered(self, t_us: int, symbol: str, refused: str, score: Score | None) -> None:
        """An entry considered: its refusal reason ("" = made) and score."""
        points = "-" if score is None or isnan(score.total) else f"{round(score.total * 100)}"
        self._link(f"E {t_us} {symbol} {refused} {points}")

    def halt(self, t_us: int, reason: str) -> None:
        """The session halted itself."""
        self._link(f"H {t_us} {reason}")

    def _link(self, line: str) -> None:
        self.digest = blake2b(self.digest + line.encode(), digest_size=_SIZE).digest()
        self.count += 1
