"""A documented view: its query, and a comment on it and on each of its columns."""

from collections.abc import Iterator
from dataclasses import dataclass

from alembic import op


@dataclass(frozen=True, slots=True)
class View:
    """`columns` has a line `name: comment` for each column of the query, in its order."""

    name: str
    comment: str
    query: str
    columns: str

    def create(self) -> None:
        """Make it in schema `bi`, with every comment."""
        described = list(self.described())
        names = [name for name, _ in described]
        comments = [f"COMMENT ON VIEW bi.{self.name} IS {_quoted(self.comment)}"]
        comments += [
            f"COMMENT ON COLUMN bi.{self.name}.{name} IS {_quoted(comment)}"
            for name, comment in described
        ]
        # Named here, so that a query with another number of columns than comments is refused.
        op.execute(f"CREATE VIEW bi.{self.name} ({', '.join(names)}) AS {self.query}")
        for statement in comments:
            op.execute(statement)

    def described(self) -> Iterator[tuple[str, str]]:
        """(column, its comment), in order."""
        for line in self.columns.strip().splitlines():
            name, _, comment = line.strip().partition(": ")
            assert comment, f"bi.{self.name}.{name} has no comment"
            yield name, comment


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace(":", r"\:") + "'"
