"""What can be written reads back the same; what cannot is an error, never something else."""

import string
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import routing
from schemas.bank_text import NachaError, printable
from services.settlement.nacha import addenda as addenda_records
from services.settlement.nacha.addenda import Addenda, Addenda05, Addenda98, Addenda99
from services.settlement.nacha.batch_header import BatchHeader
from services.settlement.nacha.codes import TRANSACTIONS, service_class
from services.settlement.nacha.entry_detail import EntryDetail
from services.settlement.nacha.file import (
    Entry,
    LineEnd,
    NachaFile,
    batch_of,
    file_of,
    parse,
    parse_from_bank,
    render,
)
from services.settlement.nacha.file_header import MODIFIERS, FileHeader
from services.settlement.nacha.validator import problems_of_text

DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31))
LINE_ENDS: st.SearchStrategy[LineEnd] = st.sampled_from(["\n", "\r\n"])


def words(length_max: int, length_min: int = 0) -> st.SearchStrategy[str]:
    """Printable ASCII that does not end in a blank."""
    letters = st.text(string.printable[:95], min_size=length_min, max_size=length_max)
    return letters.map(lambda t: t.rstrip(" ")).filter(lambda t: len(t) >= length_min)


def number(width: int) -> st.SearchStrategy[int]:
    """A number of up to that many digits."""
    return st.integers(0, 10**width - 1)


def numerals(width: int) -> st.SearchStrategy[str]:
    """Exactly that many digits."""
    return number(width).map(lambda n: f"{n:0{width}d}")


ROUTINGS = numerals(8).map(lambda first: first + str(routing.check_digit(first)))
BARE = words(10, 1).map(str.strip).filter(bool)
ADDENDA: st.SearchStrategy[Addenda] = st.one_of(
    st.builds(Addenda05, text=words(80), entry=number(7), sequence=number(4)),
    st.builds(
        Addenda98,
        change_code=numerals(2).map("C{}".format),
        original_trace=numerals(15),
        original_rdfi=numerals(8),
        corrected=words(29),
        trace=numerals(15),
    ),
    st.builds(
        Addenda99,
        return_code=numerals(2).map("R{}".format),
        original_trace=numerals(15),
        original_rdfi=numerals(8),
        trace=numerals(15),
        date_of_death=words(6),
        text=words(44),
    ),
)
ENTRIES = st.builds(
    Entry,
    st.builds(
        EntryDetail,
        code=st.sampled_from(sorted(TRANSACTIONS)),
        routing=ROUTINGS,
        account=words(17, 1).map(str.strip).filter(bool),
        amount_minor=number(10),
        identification=words(15),
        name=words(22),
        trace=numerals(15),
        addenda_indicator=st.sampled_from([0, 1]),
        discretionary=words(2),
    ),
    st.lists(ADDENDA, max_size=2).map(tuple),
)
BATCHES = st.builds(
    batch_of,
    st.builds(
        BatchHeader,
        service_class=number(3),
        company=words(16),
        company_id=words(10),
        entry_class=words(3),
        description=words(10),
        effective=st.none() | DATES,
        odfi=numerals(8),
        number=number(7),
        discretionary=words(20),
        descriptive_date=words(6),
        settlement_day=words(3),
        originator_status=number(1),
    ),
    st.lists(ENTRIES, max_size=4),
)
FILES = st.builds(
    file_of,
    st.builds(
        FileHeader,
        destination=BARE,
        origin=BARE,
        created=DATES,
        time=st.just("") | st.times().map(lambda t: f"{t:%H%M}"),
        modifier=st.sampled_from(MODIFIERS),
        destination_name=words(23),
        origin_name=words(23),
        reference=words(8),
    ),
    st.lists(BATCHES, max_size=3),
)


@given(FILES, LINE_ENDS)
@settings(max_examples=150, deadline=None)
def test_a_file_read_is_the_file_written(file: NachaFile, line_end: LineEnd) -> None:
    text = render(file, line_end)
    assert parse(text) == file
    assert render(parse(text), line_end) == text


@given(FILES, LINE_ENDS)
@settings(max_examples=100, deadline=None)
def test_every_line_has_94_columns_and_lines_come_in_tens(
    file: NachaFile, line_end: LineEnd
) -> None:
    text = render(file, line_end)
    *lines, after = text.split(line_end)
    assert after == ""
    assert {len(line) for line in lines} == {94}
    assert len(lines) == 10 * file.control.blocks
    assert text.isascii()


@given(FILES)
@settings(max_examples=100, deadline=None)
def test_what_banks_lose_on_the_way_changes_nothing(file: NachaFile) -> None:
    lines = render(file).splitlines()
    kept = [line.rstrip(" ") for line in lines if line != "9" * 94]
    assert parse_from_bank("\r\n".join(kept)) == file


@given(st.text(max_size=400) | FILES.map(render), st.data())
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_and_never_anything_else(
    text: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        file = parse(damaged)
    except NachaError:
        assert problems_of_text(damaged)
        return
    assert parse(render(file)) == file


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_text_becomes_printable_ascii_once_and_for_all_or_is_refused(text: str) -> None:
    try:
        plain = printable(text, "name")
    except NachaError:
        assert not (text.isascii() and text.isprintable())
        return
    assert plain.isascii()
    assert plain.isprintable() or not plain
    assert printable(plain, "name") == plain


@given(ADDENDA)
@settings(max_examples=100, deadline=None)
def test_each_kind_of_addenda_reads_back(row: Addenda) -> None:
    assert addenda_records.parse(addenda_records.render(row)) == row


@given(st.lists(st.sampled_from(sorted(TRANSACTIONS)), min_size=1, max_size=5))
def test_the_service_class_says_which_directions_a_batch_holds(codes: list[int]) -> None:
    directions = {TRANSACTIONS[code].direction for code in codes}
    expected = 200 if len(directions) == 2 else {"credit": 220, "debit": 225}[directions.pop()]
    assert service_class(codes) == expected
