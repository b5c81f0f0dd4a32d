"""Settlement: items as PostgreSQL has them, each in at most one run, files equal to positions."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from schemas.settlement import FileBuilt, ItemAccrued, RunCancelled, RunClosed, RunSettled
from schemas.topics import SETTLEMENT_BATCHES, SETTLEMENT_ITEMS
from services.settlement.sink import content
from services.verify.evidence import Evidence
from services.verify.verdicts import Break, Verdict

_CLAIMED = frozenset({"in_file", "settled"})


def stored(evidence: Evidence) -> Verdict:
    """PostgreSQL has exactly the items of the topic up to its sink's position."""
    verdict = Verdict("items_equal_postgres")
    left = dict(evidence.stored.items)
    for seen in evidence.judged(SETTLEMENT_ITEMS):
        verdict.checked += 1
        item: ItemAccrued = seen.fact.body
        row = left.pop(item.item, None)
        verdict.add(_differences(item, content(seen.fact), row, seen.fact.id))
    for name, row in left.items():
        detail = f"item {name} is in PostgreSQL and not on its topic"
        verdict.add([Break(detail, row["source_entity"], row["account"], row["fact"])])
    return verdict


def _differences(
    item: ItemAccrued, hashed: str, row: dict[str, Any] | None, fact: str
) -> Iterator[Break]:
    if row is None:
        detail = f"item {item.item} is not in PostgreSQL"
        yield Break(detail, item.source_entity, item.account, fact)
        return
    wanted = {name: getattr(item, name) for name in ("source", "base", "funded", "rate_bp")}
    wanted |= {"amount": item.amount, "kind": item.kind, "destination": item.to}
    wanted |= {"content": hashed}
    for name, value in wanted.items():
        if row[name] != value:
            detail = f"item {item.item}: {name} is {row[name]!r}, on its topic {value!r}"
            yield Break(detail, item.source_entity, item.account, fact)


def claims(evidence: Evidence) -> Verdict:
    """An item is in at most one run: by the runs' facts, and PostgreSQL says the same one."""
    verdict = Verdict("an_item_is_in_one_run")
    runs: dict[str, str] = {}
    for seen in evidence.judged(SETTLEMENT_BATCHES):
        match seen.fact.body:
            case FileBuilt(number=1) | RunClosed(moved_nothing=True) as body:
                for name in body.items:
                    verdict.checked += 1
                    if name in runs:
                        detail = f"item {name} is in run {runs[name]} and in run {body.run}"
                        verdict.add([Break(detail, "", "", seen.fact.id)])
                    runs[name] = body.run
            case _:
                pass
    for name, row in evidence.stored.items.items():
        claimed = row["run"] if row["state"] in _CLAIMED else None
        if claimed is not None and runs.get(name) != claimed:
            detail = f"item {name} is of run {claimed} in PostgreSQL, {runs.get(name)} by its facts"
            verdict.add([Break(detail, row["source_entity"], row["account"], row["fact"])])
        elif claimed is None and name in runs:
            detail = f"item {name} is {row['state']} in PostgreSQL, run {runs[name]} has filed it"
            verdict.add([Break(detail, row["source_entity"], row["account"], row["fact"])])
    return verdict


def files(evidence: Evidence) -> Verdict:
    """What a run's files move for each location is its position; a whole run sums to zero."""
    verdict = Verdict("files_equal_positions")
    built: dict[str, list[FileBuilt]] = {}
    done: set[str] = set()
    for seen in evidence.judged(SETTLEMENT_BATCHES):
        match seen.fact.body:
            case FileBuilt() as body:
                built.setdefault(body.run, []).append(body)
            case RunSettled(final=True) | RunCancelled() as body:
                done.add(body.run)
            case _:
                pass
    for run, of_run in built.items():
        verdict.checked += sum(len(body.entries) for body in of_run)
        verdict.add(_of_run(run, of_run, run in done))
    return verdict


def _of_run(run: str, built: list[FileBuilt], whole: bool) -> Iterator[Break]:
    parent = built[0].parent
    moved: Counter[str] = Counter()
    balance = 0
    for entry in (entry for body in built for entry in body.entries):
        signed = entry.amount if entry.direction == "credit" else -entry.amount
        balance += signed
        if entry.attempt == 0 and entry.location != parent:
            moved[entry.location] += signed
    positions = {p.location: p for body in built for p in body.positions if p.location != parent}
    for location in sorted({*moved, *positions}):
        wanted = positions[location].moved if location in positions else 0
        entity = positions[location].entity if location in positions else ""
        # Credits may wait for a second file; what is there must be right, and in the end all of it.
        if moved[location] != wanted and (location in moved or whole):
            detail = f"{location}: files move {moved[location]}, its position is {wanted}"
            yield Break(detail, entity, "", f"run {run}")
    if whole and balance:
        yield Break(f"the files of run {run} do not balance: {balance}", parent, "", f"run {run}")
