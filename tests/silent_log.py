"""A log in memory that, like a busy broker, answers a reader only when it is asked again."""

from services.runtime.memory_log import MemoryLog
from services.runtime.ports import TopicPartition
from services.runtime.records import Record, Row
from tests.small_world import PARTITIONS


class SilentLog(MemoryLog):
    """Once `silences` is set, so many questions of its readers stay without answer each time."""

    def __init__(self) -> None:
        super().__init__(PARTITIONS)
        self.silences = 0

    def reader(self) -> "SilentReader":  # type: ignore[override]
        """A reader that has to ask again."""
        return SilentReader(self)


class SilentReader:
    """Asks once more than the log is silent before it hears anything, anew for each place."""

    def __init__(self, log: SilentLog) -> None:
        self._log = log
        self._asked: dict[tuple[TopicPartition, int], int] = {}

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """The end of a partition."""
        return self._log.end_in_doubt(topic, partition)

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Nothing at first, then what there is."""
        place = ((topic, partition), start)
        asked = self._asked.get(place, 0)
        if asked < self._log.silences:
            self._asked[place] = asked + 1
            return [], start
        self._asked[place] = 0
        return self._log.read(topic, partition, start, records_max)

    def rows(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Row], int]:
        """As `read`, but only keys and values."""
        records, after = self.read(topic, partition, start, most)
        return [(record.key, record.value) for record in records], after
