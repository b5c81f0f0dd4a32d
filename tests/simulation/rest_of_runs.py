"""What must hold of settlement runs at rest: items, positions, entries, files and what is open."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select

from schemas.settlement import FileBuilt, FileTransmitted, RunClosed, RunSettled
from schemas.topics import LEDGER_JOURNALS, SETTLEMENT_BATCHES, SETTLEMENT_ITEMS
from services.ledger import trial
from services.settlement import tables
from services.settlement.nacha.file import parse
from tests.invariants import require
from tests.observed import Observed
from tests.simulation.processes import Site

PARENT: Final = "HQ"
OPEN: Final = ("planned", "filed", "transmitted", "pending")
CLAIMED: Final = ("assigned", "in_file", "settled")


def check_runs(site: Site, observed: Observed) -> None:
    """Raises a ViolatedError for the first thing that does not hold."""
    assert site.engine is not None
    with site.engine.connect() as connection:
        rows: dict[str, list[Any]] = {
            table.name: list(connection.execute(select(table)).mappings())
            for table in (tables.item, tables.run, tables.run_entry, tables.file, tables.carried)
        }
    told = [fact.body for fact in observed.facts(SETTLEMENT_BATCHES)]
    cleared = [b for b in told if isinstance(b, FileBuilt | RunClosed) and _clears(b)]
    _items(rows, cleared, observed)
    _positions(cleared, observed)
    _carried(rows, cleared)
    _files(site, rows, told)
    _in_transit(rows, observed)
    _ended(rows, told)


def _clears(body: FileBuilt | RunClosed) -> bool:
    """A run's first file has all its items, or its end does, if nothing moved."""
    return body.number == 1 if isinstance(body, FileBuilt) else body.moved_nothing


def _items(rows: dict[str, list[Any]], cleared: list[Any], observed: Observed) -> None:
    """Each item is in one run at most, and the database says which."""
    runs: dict[str, str] = {}
    for body in cleared:
        for name in body.items:
            require(name not in runs, "an item is in one run", f"{name}: {runs.get(name)}")
            runs[name] = body.run
    for row in rows["item"]:
        claimed = row["state"] in CLAIMED
        require(claimed == (row["run"] is not None), "who claims an item has it", dict(row))
        filed = row["run"] if row["state"] in ("in_file", "settled") else None
        require(runs.get(row["item"]) == filed, "items are where their run says", dict(row))
    voided = [row for row in rows["item"] if row["state"] == "voided"]
    totals: Counter[str] = Counter()
    for row in voided:
        totals[row["reverses"] or row["item"]] += row["amount"]
    require(not any(totals.values()), "what is voided nets to nothing", totals)


def _positions(cleared: list[Any], observed: Observed) -> None:
    """What a run nets for each location is the sum of its items, and all of it sums to zero."""
    items: dict[str, Any] = {}
    for fact in observed.facts(SETTLEMENT_ITEMS):
        body: Any = fact.body
        items[body.item] = body
    for body in cleared:
        nets: Counter[str] = Counter()
        for name in body.items:
            nets[items[name].source] -= items[name].amount
            nets[items[name].to] += items[name].amount
        for row in body.positions:
            require(row.net == nets.pop(row.location, 0), "positions are sums of items", row)
            whole = row.before + row.net == row.moved + row.carried
            require(whole, "a position loses nothing", row)
        require(not any(nets.values()), "every item is in a position", nets)
        total = sum(row.moved + row.carried - row.before for row in body.positions)
        require(total == 0, "positions sum to zero", body.run)


def _carried(rows: dict[str, list[Any]], cleared: list[Any]) -> None:
    waiting: Counter[tuple[str, str]] = Counter()
    for body in cleared:
        for row in body.positions:
            waiting[row.location, row.entity] += row.carried - row.before
    stored = {(row["location"], row["entity"]): row["amount"] for row in rows["carried"]}
    same = all(waiting[key] == stored.get(key, 0) for key in {*waiting, *stored})
    require(same, "what is carried is what runs left", f"{waiting}, {stored}")


def _files(site: Site, rows: dict[str, list[Any]], told: list[Any]) -> None:
    """Files are built once, say what their facts say, and the bank has just those bytes."""
    built = [body for body in told if isinstance(body, FileBuilt)]
    names = Counter(body.file for body in built)
    require(max(names.values(), default=1) == 1, "a file is built once", names)
    traces = Counter(entry.trace for body in built for entry in body.entries)
    require(max(traces.values(), default=1) == 1, "a trace is used once", traces)
    hashes = {body.file: body.sha256 for body in built}
    for name, content in site.bank.taken.items():
        require(hashes.get(name) == sha256(content).hexdigest(), "the bank has our bytes", name)
        (said,) = [body for body in built if body.file == name]
        entries = sorted((e.trace, e.amount) for e in said.entries)
        require(entries == sorted(_entries(content)), "entries are in the file", name)
    sent = {body.file for body in told if isinstance(body, FileTransmitted)}
    require(sent <= set(site.bank.taken), "what was sent the bank has", sent)
    require({r["name"] for r in rows["file"]} == set(hashes), "files are stored", hashes)


def _entries(content: bytes) -> Iterator[tuple[str, int]]:
    for batch in parse(content.decode("ascii")).batches:
        for entry in batch.entries:
            yield entry.detail.trace, entry.detail.amount_minor


def _in_transit(rows: dict[str, list[Any]], observed: Observed) -> None:
    """1290 of each entity is what its entries in open files will bring; the parent's balances."""
    expected: Counter[str] = Counter()
    for entry in rows["run_entry"]:
        # Entries are filed once their file is built; a run's rows before that are only a plan.
        if entry["state"] in OPEN[1:] and entry["location"] != PARENT:
            signed = entry["amount"] if entry["direction"] == "credit" else -entry["amount"]
            expected[entry["entity"]] += signed
            expected[PARENT] -= signed
    journals: list[Any] = [fact.body for fact in observed.facts(LEDGER_JOURNALS)]
    for finding in trial.unsettled(journals, expected):
        require(False, finding.invariant, f"{finding.entity} {finding.detail}")


def _ended(rows: dict[str, list[Any]], told: list[Any]) -> None:
    """A run whose files the bank has settles and ends; only who waits for people stands."""
    waiting = {row["run"] for row in rows["file"] if row["state"] == "delivery_unknown"}
    for row in rows["run"]:
        fine = row["state"] in ("dry", "cancelled", "closed") or row["run"] in waiting
        require(fine, "every run ends", dict(row))
    finals = Counter(body.run for body in told if isinstance(body, RunSettled) and body.final)
    require(max(finals.values(), default=1) == 1, "a run settles once", finals)
