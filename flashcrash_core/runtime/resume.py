"""Where records go, and resuming a crashed session: what was already stored is compared, not written twice.

A resumed session starts from the newest snapshot and takes the same input again. Everything it records up to the last stored row
must equal what is stored; the first difference is a :class:`~flashcrash_core.errors.VerificationError`. From there on it writes.
Rows before the snapshot are not made again: a chained digest in the snapshot tells whether they are still the ones written.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from flashcrash_core.errors import VerificationError
from flashcrash_core.runtime.difference import Differs, differs, same
from flashcrash_core.runtime.records import (
    AuditRecord,
    FaultRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    Record,
    ScoreRecord,
    SnapshotRecord,
    TradeRecord,
    TransitionRecord,
)
from flashcrash_core.runtime.storage import Store

__all__ = ["RecordSink", "Tally"]

_KINDS: tuple[type[Record], ...] = (
    IntentRecord, NoticeRecord, FillRecord, TradeRecord, TransitionRecord, ScoreRecord, FaultRecord,
)  # fmt: skip


_CHANGED: Final = (
    "The input, the configuration or a plugin is not the one of the crashed session; nothing was written. "
    "Start a new session, or restore what changed"
)
_OTHERWISE: Final = (
    "The session's input, its configuration, a plugin or flashcrash has changed since; what is stored is untouched. "
    "Verify it again with what it was made with"
)


class Tally:
    """Keeps what a report lists but a session does not hold: trades and scores, taken from records as they pass."""

    def __init__(self) -> None:
        self.trades: list[TradeRecord] = []
        self.scores: list[ScoreRecord] = []

    def on_records(self, records: Sequence[Record]) -> None:
        """Look at records on their way to the store."""
        for record in records:
            if isinstance(record, TradeRecord):
                self.trades.append(record)
            elif isinstance(record, ScoreRecord):
                self.scores.append(record)

    def load(self, store: Store, session_id: str) -> None:
        """All of a resumed session's, those before the crash included."""
        self.trades = store.read(session_id, TradeRecord)
        self.scores = store.read(session_id, ScoreRecord)


class RecordSink:
    """Where a runner puts records: the store, after the stored ones have been seen to agree."""

    def __init__(self, store: Store | None, session_id: str) -> None:
        self._store = store
        self._session_id = session_id
        self._expected: dict[type[Record], deque[Record]] = {}
        self._audits_until = 0
        self._digests: dict[str, bytes] = {}
        self.last_seq = 0
        """The newest event that stored rows tell of."""
        self.compared: Counter[str] = Counter()
        """Rows that came again and were equal, by kind."""
        self.read_only = False
        """Verifying: a row that is not stored is a difference."""
        self.tally = Tally()

    def expect_stored(self, after_seq: int) -> None:
        """Load the rows after ``after_seq``: they must come again, in this order."""
        assert self._store is not None
        for kind in _KINDS:
            rows = [row for row in self._store.read(self._session_id, kind) if row.seq > after_seq]
            if rows:
                self._expected[kind] = deque(rows)
                self.last_seq = max(self.last_seq, rows[-1].seq)
        # Audit rows also record facts of the process (a crash, a resume), so they are not expected again, only not repeated.
        self._audits_until = max((row.seq for row in self._store.read(self._session_id, AuditRecord)), default=0)

    def orders_until(self, seq: int) -> list[IntentRecord | NoticeRecord]:
        """Intents and notices up to ``seq`` in the order in which they happened: within one event the notice came first."""
        assert self._store is not None
        notices = [row for row in self._store.read(self._session_id, NoticeRecord) if row.seq <= seq]
        intents = [row for row in self._store.read(self._session_id, IntentRecord) if row.seq <= seq]
        return sorted([*notices, *intents], key=lambda row: row.seq)

    def row_digests(self) -> dict[str, bytes]:
        """One chained digest for each kind of record written so far, for a snapshot."""
        return dict(self._digests)

    def check_rows(self, seq: int, digests: Mapping[str, bytes]) -> None:
        """The stored rows up to ``seq`` must be those that ``digests`` was made of. Raises VerificationError."""
        assert self._store is not None
        for kind in _KINDS:
            rows = [row for row in self._store.read(self._session_id, kind) if row.seq <= seq]
            self._chain(rows)
            if self._digests.get(kind.__name__) != digests.get(kind.__name__):
                raise VerificationError(
                    f"resume: the {len(rows)} stored {kind.__name__} rows up to event {seq} are not the ones that the session "
                    "wrote; the database was changed since. Restore it from a copy, or start a new run"
                )

    def _chain(self, records: Sequence[Record]) -> None:
        digests = self._digests
        for record in records:
            kind = type(record)
            if kind is not AuditRecord:
                link = digests.get(kind.__name__, b"") + msgspec.msgpack.encode(record)
                digests[kind.__name__] = blake2b(link, digest_size=16).digest()

    def write(self, records: Sequence[Record]) -> None:
        """Compare what was expected, store the rest."""
        self.tally.on_records(records)
        if self._store is None or not records:
            return
        self._chain(records)
        expecting = self._expected or self._audits_until or self.read_only
        fresh = [record for record in records if not self._seen(record)] if expecting else records
        if fresh:
            self._store.write(self._session_id, fresh)

    def _seen(self, record: Record) -> bool:
        if isinstance(record, AuditRecord):
            return self.read_only or record.seq <= self._audits_until
        queue = self._expected.get(type(record))
        if not queue:
            if self.read_only:
                kind = type(record).__name__
                raise Differs(
                    f"verify: at event {record.seq} there is a {kind} now, and the session has no such row: {record}. {_OTHERWISE}",
                    {"seq": record.seq, "t_us": record.t_us, "symbol": record.symbol, "record": _kind(record), "field": "row",
                     "stored": None, "now": msgspec.to_builtins(record)},
                )  # fmt: skip
            return False
        expected = queue.popleft()
        if not same(record, expected):
            if self.read_only:
                raise differs(record, expected, what="verify", end=_OTHERWISE)
            raise differs(record, expected, what="resume", end=_CHANGED)
        self.compared[type(record).__name__] += 1
        if not queue:
            del self._expected[type(record)]
        return True

    def expect_nothing_left(self) -> None:
        """At the end of the input no stored row may be left over."""
        for kind, queue in self._expected.items():
            first = queue[0]
            what, end = ("verify", _OTHERWISE) if self.read_only else ("resume", "The input is shorter than the crashed session's")
            raise Differs(
                f"{what}: the input ended, but the database holds {len(queue)} more {kind.__name__} rows, the first {first}. {end}",
                {"seq": first.seq, "t_us": first.t_us, "symbol": first.symbol, "record": _kind(first), "field": "row",
                 "stored": msgspec.to_builtins(first), "now": None},
            )  # fmt: skip

    def commit(self) -> None:
        """Make everything so far durable."""
        if self._store is not None:
            self._store.commit()

    def save_snapshot(self, record: SnapshotRecord) -> None:
        """Keep a snapshot."""
        if self._store is not None:
            self._store.save_snapshot(self._session_id, record)


def _kind(record: Record) -> str:
    return type(record).__name__.removesuffix("Record").lower()
