"""Files as banks send them: one written out by hand, others made for an entry."""

from datetime import date

from services.settlement.nacha.addenda import Addenda98, Addenda99
from services.settlement.nacha.batch_header import BatchHeader
from services.settlement.nacha.codes import DEBITS_ONLY, MIXED, returned_as, transaction_code
from services.settlement.nacha.entry_detail import EntryDetail
from services.settlement.nacha.file import Entry, NachaFile, batch_of, file_of
from services.settlement.nacha.file_header import FileHeader
from services.settlement.returns import SentEntry

# A credit and a debit back, one batch each, as some banks send them: trailing blanks lost, no
# filling, an unset effective date, and blocks counted wrongly.
RETURNS = """\
1011234567890 0910000192605140900A094101SCRIP NETWORK          FIRST BANK
5200SCRIP NETWORK                       1987654321CCDGIFT CARDS      2605131341091000010000001
621021000021123456789        0000012354F7             Paul's Shop           S 1091000017611242
799R01021000020000001      09100001                                            091000017611242
820000000200021000020000000000000000000123541987654321                         091000010000001
5200SCRIP NETWORK                       1987654321CCDGIFT CARDS      0000001341011401530000002
626021000021867530999        0000004565F8             Bob's Hall            S 1011401539461242
799R03021000020000003      01140153                                            011401539461242
820000000200021000020000000045650000000000001987654321                         011401530000002
9000002000002000000040004200004000000004565000000012354
"""


def return_file(sent: SentEntry, code: str) -> NachaFile:
    """The file with which `sent`'s bank returns it."""
    addenda = Addenda99(code, sent.trace, sent.routing[:8], f"{sent.routing[:8]}0000009")
    return _bank_file(sent, addenda, sent.amount_minor, "CCD")


def correction_file(sent: SentEntry, code: str, corrected: str) -> NachaFile:
    """The file with which `sent`'s bank corrects it."""
    trace = f"{sent.routing[:8]}0000009"
    addenda = Addenda98(code, sent.trace, sent.routing[:8], corrected, trace)
    return _bank_file(sent, addenda, 0, "COR")


def _bank_file(
    sent: SentEntry, addenda: Addenda98 | Addenda99, amount_minor: int, entry_class: str
) -> NachaFile:
    detail = EntryDetail(
        code=returned_as(transaction_code("checking", sent.direction)),
        routing="021000021",
        account=sent.account,
        amount_minor=amount_minor,
        identification=sent.location,
        name="Shop",
        trace=addenda.trace,
        addenda_indicator=1,
    )
    header = BatchHeader(
        service_class=DEBITS_ONLY if sent.direction == "debit" else MIXED,
        company="SCRIP NETWORK",
        company_id="1987654321",
        entry_class=entry_class,
        description="GIFT CARDS",
        effective=None,
        settlement_day="134",
        odfi=sent.routing[:8],
        number=1,
    )
    file_header = FileHeader("021000021", "091000019", date(2026, 5, 14), "0900", "A")
    return file_of(file_header, [batch_of(header, [Entry(detail, (addenda,))])])
