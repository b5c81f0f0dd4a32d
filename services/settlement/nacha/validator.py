"""Says all that is wrong with a file: ours before it leaves, a bank's before it is booked."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from schemas import routing
from schemas.bank_text import RETRY, REVERSAL, NachaError, is_digits, is_reserved
from services.settlement.calendar import is_banking_day
from services.settlement.nacha import entry_rules
from services.settlement.nacha.addenda import Addenda98, Addenda99
from services.settlement.nacha.batch_control import BatchControl
from services.settlement.nacha.codes import (
    CORPORATE,
    CORRECTION,
    DEBITS_ONLY,
    SERVICE_CLASSES,
    TRANSACTIONS,
    service_class,
)
from services.settlement.nacha.file import (
    BLOCKING,
    Batch,
    LineEnd,
    NachaFile,
    controls_of,
    line_count,
    parse,
    render,
    totals_of,
)
from services.settlement.nacha.file_control import FileControl

# Banks commonly refuse longer files; a run of this many locations would be split by hand.
LINES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: where (`file`, `batch 2`, `batch 2 entry 7`), and in words what."""

    where: str
    rule: str


def problems_of_text(text: str) -> tuple[Problem, ...]:
    """Everything wrong with the text of a file of ours, its columns and filling included."""
    try:
        file = parse(text)
    except NachaError as error:
        return (Problem(f"line {error.line}", f"{error.field}: {error.reason}"),)
    found = list(problems(file))
    lines = text.replace("\r\n", "\n").count("\n")
    if lines % BLOCKING:
        found.append(Problem("file", f"{lines} lines are not whole blocks of {BLOCKING}"))
    line_end: LineEnd = "\r\n" if "\r\n" in text else "\n"
    if not found and render(file, line_end) != text:
        found.append(Problem("file", "reads the same but is not written as we write it"))
    return tuple(found)


def problems(file: NachaFile) -> tuple[Problem, ...]:
    """Everything wrong with a file we built: corporate entries, at most one addenda 05 each."""
    found = [*_header_problems(file), *_sum_problems(file), *_trace_problems(file)]
    for where, batch in _numbered(file):
        found.extend(_batch_problems(where, batch, file))
        seen: Counter[object] = Counter()
        for at, entry in enumerate(batch.entries, start=1):
            rules = entry_rules.outgoing(entry, batch.header.odfi)
            twin = entry_rules.identity(entry)
            seen[twin] += 1
            if seen[twin] > 1 and not entry_rules.may_repeat(entry):
                rules = (*rules, "repeats an earlier entry in all but its trace number")
            found.extend(Problem(f"{where} entry {at}", rule) for rule in rules)
    return tuple(found)


def problems_from_bank(file: NachaFile) -> tuple[Problem, ...]:
    """Everything wrong with a file of returns and corrections that a bank sent."""
    blocks = totals_of(file.batches).blocks
    # Banks miscount blocks, which hold no money; refusing the file would lose its returns.
    counted = replace(file, control=replace(file.control, blocks=blocks))
    found = list(_sum_problems(counted))
    for where, batch in _numbered(file):
        allowed: type[Addenda98 | Addenda99] = Addenda99
        if batch.header.entry_class == CORRECTION:
            allowed = Addenda98
        elif batch.header.entry_class != CORPORATE:
            found.append(Problem(where, f"class {batch.header.entry_class!r} is none of ours"))
        for at, entry in enumerate(batch.entries, start=1):
            rules = entry_rules.incoming(entry, allowed)
            found.extend(Problem(f"{where} entry {at}", rule) for rule in rules)
    return tuple(found)


def _numbered(file: NachaFile) -> Iterator[tuple[str, Batch]]:
    for at, batch in enumerate(file.batches, start=1):
        yield f"batch {at}", batch


def _header_problems(file: NachaFile) -> Iterator[Problem]:
    header = file.header
    if wrong := routing.problem(header.destination):
        yield Problem("file", f"immediate destination {header.destination!r} {wrong}")
    if not header.origin.strip("0"):
        yield Problem("file", "immediate origin is missing")
    if not header.time:
        yield Problem("file", "file creation time is missing")
    if not file.batches:
        yield Problem("file", "holds no batch")
    if (lines := line_count(file.batches)) > LINES_MAX:
        yield Problem("file", f"{lines} lines are more than {LINES_MAX}")


def _sum_problems(file: NachaFile) -> Iterator[Problem]:
    for where, batch in _numbered(file):
        if not batch.entries:
            yield Problem(where, "holds no entry")
        yield from _differences(where, batch.control, controls_of(batch.header, batch.entries))
    yield from _differences("file", file.control, totals_of(file.batches))


def _differences(
    where: str, written: BatchControl | FileControl, right: BatchControl | FileControl
) -> Iterator[Problem]:
    for field in fields(right):
        found, expected = getattr(written, field.name), getattr(right, field.name)
        # The authentication code is agreed between sender and bank; nothing to compute it from.
        if found != expected and field.name != "authentication":
            yield Problem(where, f"control says {field.name} {found}, not {expected}")


def _trace_problems(file: NachaFile) -> Iterator[Problem]:
    traces = [entry.detail.trace for batch in file.batches for entry in batch.entries]
    for trace, times in Counter(traces).items():
        if times > 1:
            yield Problem("file", f"trace number {trace} stands {times} times")
    numbers = [batch.header.number for batch in file.batches]
    if not _ascends([0, *numbers]):
        yield Problem("file", f"batch numbers {numbers} do not ascend from 1")
    for where, batch in _numbered(file):
        if not _ascends([int(entry.detail.trace) for entry in batch.entries]):
            yield Problem(where, "trace numbers do not ascend")


def _ascends(numbers: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def _batch_problems(where: str, batch: Batch, file: NachaFile) -> Iterator[Problem]:
    header = batch.header
    known = [e.detail.code for e in batch.entries if e.detail.code in TRANSACTIONS]
    if header.service_class not in SERVICE_CLASSES:
        yield Problem(where, f"service class {header.service_class} is not 200, 220 or 225")
    elif known and header.service_class != service_class(known):
        yield Problem(where, f"service class {header.service_class} does not fit its entries")
    if header.entry_class != CORPORATE:
        yield Problem(where, f"class {header.entry_class!r} is not {CORPORATE}")
    if not header.company or not header.company_id:
        yield Problem(where, "company name or identification is missing")
    if header.originator_status != 1:
        yield Problem(where, f"originator status {header.originator_status} is not 1")
    if len(header.odfi) != 8 or not is_digits(header.odfi) or not int(header.odfi):
        yield Problem(where, f"originating DFI {header.odfi!r} is not eight digits")
    yield from _description_problems(where, batch)
    if header.effective is None or not is_banking_day(header.effective):
        yield Problem(where, f"effective entry date {header.effective} is no banking day")
    elif header.effective <= file.header.created:
        yield Problem(where, f"effective entry date {header.effective} is not after the file's")


def _description_problems(where: str, batch: Batch) -> Iterator[Problem]:
    words = batch.header.description
    if not words:
        yield Problem(where, "company entry description is missing")
    elif words == RETRY:
        if batch.header.service_class != DEBITS_ONLY:
            yield Problem(where, f"{RETRY} is for debits only")
    elif is_reserved(words) and words != REVERSAL:
        yield Problem(where, f"company entry description {words!r} is reserved")
