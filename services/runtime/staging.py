"""What one batch makes of one input partition, before anything of it is true."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from schemas.message import Fact, encode_fact
from schemas.topics import Topic
from services.runtime.advance import KnownPolicy, Progress, progress_key
from services.runtime.kept import Kept
from services.runtime.ports import Standing, Store
from services.runtime.records import Headers, Marked, Record, Staged

CHAIN_HEADER = "scrip-chain"
AFTER_HEADER = "scrip-after"
NEVER: Final = 2**62


class RowCodec(Protocol):
    """Turns rows into bytes and back, and knows which topic a row lives on."""

    def read(self, key: str, value: bytes) -> Any:
        """The row object."""
        ...

    def write(self, key: str, row: Any) -> bytes:
        """The row's bytes."""
        ...

    def topic(self, key: str) -> Topic:
        """The state topic of the row."""
        ...


class Staging:
    """Facts, replies, rows and progress of one input partition in one batch.

    Rows are decoded on first touch and belong to this batch alone, so dropping the batch drops
    every change. `outputs` holds what leaves, in order; `finish` adds rows and progress. It was
    `began` (ms UTC by this machine) before anything of it was sent.
    """

    def __init__(
        self,
        source: str,
        input_topic: Topic,
        partition: int,
        store: Store,
        progress: Progress,
        memory: Topic,
        *,
        kept: Kept | None = None,
    ) -> None:
        self.source = source
        self.input_topic = input_topic
        self.partition = partition
        self.progress = progress.copy()
        self.outputs: list[Staged] = []
        self.rows: dict[str, Any] = {}
        self.changed: dict[str, None] = {}
        self.handled = 0
        self._store = store
        self._kept = Kept() if kept is None else kept
        self._memory = memory
        self._last_fact: Staged | None = None
        self._in_force: KnownPolicy | None = None
        self._in_force_until = -1
        self._told = -1
        self._chain = bytes.fromhex(self.progress.chain)
        self._after = self.progress.sequence
        self._finished: list[tuple[str, bytes | None]] = []
        self._marks: list[Marked] = []
        self.progress_row = b""
        self.began = 0

    def begin(self, record: Record) -> None:
        """The record is being read: time and position move on."""
        progress = self.progress
        progress.next = record.offset + 1
        progress.now = max(progress.now, record.timestamp)
        self.handled += 1

    def in_force(self, now: int) -> KnownPolicy | None:
        """The policy in force at `now` (ms UTC), which never goes back within a batch.

        Looked for again only when another may be: that is 2 µs a command less.
        """
        policies = self.progress.policies
        if self._told != len(policies) or now >= self._in_force_until:
            self._told = len(policies)
            self._in_force = self.progress.in_force_at(now)
            later = (known.effective for known in policies if known.effective > now)
            self._in_force_until = min(later, default=NEVER)
        return self._in_force

    def row(self, key: str, codec: RowCodec) -> Any | None:
        """The row as this batch has it, or None."""
        if key in self.rows:
            return self.rows[key]
        row = self._kept.take(key)
        if row is None:
            value = self._store.get(key)
            if value is None:
                return None
            row = codec.read(key, value)
        self.rows[key] = row
        return row

    def raw(self, key: str) -> bytes | None:
        """A row the runner keeps as bytes (an answer), as this batch has it."""
        if key in self.rows:
            row: bytes | None = self.rows[key]
            return row
        return self._store.get(key)

    def change(self, rows: Mapping[str, Any]) -> None:
        """Take changed rows over; None deletes."""
        for key, row in rows.items():
            self.rows[key] = row
            self.changed[key] = None

    def answer(self, key: str, row: bytes) -> None:
        """Take over the row of an answer."""
        self.rows[key] = row
        self.changed[key] = None

    def fact(self, topic: Topic, fact: Fact) -> bytes:
        """Write a fact: number it, chain it, stage it on the input's own partition number."""
        progress = self.progress
        progress.sequence += 1
        value = encode_fact(fact, self.source, progress.sequence, self.input_topic.name)
        link = hashlib.sha256(self._chain)
        link.update(value)
        self._chain = link.digest()
        staged = Staged(topic.name, self.partition, fact.time, fact.subject.encode(), value)
        self._last_fact = staged
        self.outputs.append(staged)
        return value

    def out(
        self,
        topic: Topic,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> None:
        """Stage any other record, at this partition's time."""
        encoded = key.encode() if isinstance(key, str) else key
        self.outputs.append(
            Staged(topic.name, partition, self.progress.now, encoded, value, headers)
        )

    def finish(self, codec: RowCodec) -> None:
        """Seal the batch: the chain on its last fact, then rows once each, then progress.

        Beside the chain stands after which fact the batch begins, so that a chain that is taken
        from a batch's last fact is missed by the next one's.
        """
        if self._last_fact is not None:
            self.progress.chain = self._chain.hex()
            chain = (CHAIN_HEADER, self.progress.chain.encode())
            after = (AFTER_HEADER, str(self._after).encode())
            self._last_fact.headers = (*self._last_fact.headers, chain, after)
        last: dict[str, int] = {}
        outputs, now = self.outputs, self.progress.now
        for key in self.changed:
            row = self.rows[key]
            value = None if row is None else codec.write(key, row)
            self._finished.append((key, value))
            name = codec.topic(key).name
            last[name] = len(outputs)
            outputs.append(Staged(name, self.partition, now, key.encode(), value))
        self.progress_row = self.progress.encode()
        key = progress_key(self.input_topic.name)
        last[self._memory.name] = len(self.outputs)
        self.out(self._memory, key, self.progress_row, partition=self.partition)
        for at in last.values():
            self._mark(at)

    def _mark(self, at: int) -> None:
        """The store's place on a state topic is behind this row, the last one there."""
        row = self.outputs[at]
        marked = Marked(row.topic, row.partition, row.timestamp, row.key, row.value, row.headers)
        self.outputs[at] = marked
        self._marks.append(marked)

    def committed_standing(self) -> Standing:
        """Where to read on behind the batch on its state topics, as far as the log has told."""
        offsets = {m.topic: m.offset + 1 for m in self._marks if m.offset is not None}
        return Standing(offsets, self.progress_row, self.began)

    def committed_rows(self) -> list[tuple[str, bytes | None]]:
        """The rows of a finished batch, for the store."""
        return self._finished
