"""Printed sheets and digital cards show what the directory finds, and barcodes say the same."""

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pypdf import PdfReader
from sqlalchemy import Engine

from schemas.policy_checks import read_policy
from schemas.terms import Policy
from services.issuance.directory import Directory
from services.issuance.press import Press, PrintKey
from services.issuance.runs import Batches, BatchRefusedError, Order
from services.issuance.tables import METADATA
from services.issuance.views import Sheet, barcode, email, opened, pdf, scanned, shown
from services.runtime.post import Post
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, SmallWorld

KEY = PrintKey(b"k" * 32)
EMBOSSED = {"number": "603571##########C", "pin": 6, "barcode": "ean13", "qr": True}
NAMED = {
    **POLICY_DOCUMENT,
    "programmes": {
        "gift": {"kind": "card", "currency": "USD"},
        "plastic": {"kind": "card", "currency": "USD", "templates": ["embossed"]},
    },
    "templates": {"embossed": EMBOSSED},
}


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield engine
    engine.dispose()


@pytest.fixture
def directory(engine: Engine) -> Directory:
    directory = Directory(engine, {1: b"1" * 32})
    world = SmallWorld()
    world.publish_policy(NAMED)
    world.start()
    world.settle()
    made = Batches(directory, Press(directory, PARTITIONS), KEY, PARTITIONS, lambda _: None)
    policy = Policy(1, 0, read_policy(NAMED))
    post = Post(world.log, world.seals, "service/press", world.clock, "p", wait=world.settle)
    for batch, programme in (("b1", "plastic"), ("b2", "gift")):
        made.plan(Order(batch, programme, 12, 2500), policy, 0)
        made.go_on(batch, post)
    return directory


def sheet(directory: Directory, batch: str, first: int = 1, last: int = 12) -> Sheet:
    return opened(directory.engine, KEY, batch, first, last)


@pytest.mark.parametrize("batch", ["b1", "b2"])
def test_a_sheet_has_ten_cards_a_page_each_with_its_number_and_pin(
    directory: Directory, batch: str
) -> None:
    printed = sheet(directory, batch)
    pages = PdfReader(io.BytesIO(pdf(printed))).pages
    assert len(pages) == 2
    text = "\n".join(page.extract_text() for page in pages)
    for number, card in printed.cards:
        assert shown(card) in text
        assert f"{batch} / {number}" in text
        assert card.pin is None or f"PIN {card.pin}" in text
        assert directory.find(shown(card)) == card.account
        assert directory.find(scanned(card)) == card.account
        assert directory.find(barcode(card)[1]) == card.account
    symbologies = {barcode(card)[0] for _, card in printed.cards}
    assert symbologies == {"EAN13" if batch == "b1" else "Code128"}


def test_a_digital_card_is_html_with_its_qr_inside_and_text(directory: Directory) -> None:
    page, text = email(sheet(directory, "b1", 3, 3))
    [(_, card)] = sheet(directory, "b1", 3, 3).cards
    for part in (shown(card), f"PIN {card.pin}", "25.00 USD"):
        assert part in page
        assert part in text
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("currency", "said"), [("JPY", "2,500 JPY"), ("KWD", "2.500 KWD"), ("EUR", "25.00 EUR")]
)
def test_a_value_is_printed_and_sent_with_the_decimals_of_its_currency(
    directory: Directory, currency: str, said: str
) -> None:
    printed = replace(sheet(directory, "b1", 3, 3), currency=currency)
    for text in (*email(printed), PdfReader(io.BytesIO(pdf(printed))).pages[0].extract_text()):
        assert said in text
        assert f".{said}" not in text


def test_a_range_outside_the_batch_or_without_print_file_is_not_printed(
    directory: Directory,
) -> None:
    with pytest.raises(BatchRefusedError, match="allowed: 1 to 12"):
        sheet(directory, "b1", 1, 13)
    with pytest.raises(BatchRefusedError, match="no batch"):
        sheet(directory, "b9")
