"""Places, accounts and files that settlement's tests share."""

from datetime import UTC, datetime

from services.settlement.entries import Accounts, BankAccount, Representment, plan
from services.settlement.filing import Filing, Originator, build
from services.settlement.nacha.codes import AccountType
from services.settlement.nacha.file import NachaFile
from services.settlement.netting import Payable, Standing, Terms, net

# Routing numbers with right check digits and assigned prefixes.
ROUTINGS = ("021000021", "011401533", "091000019", "121042882", "322271627")

ORIGINATOR = Originator(
    destination="021000021",
    destination_name="FIRST BANK",
    origin="1234567890",
    company="SCRIP NETWORK",
    company_id="1987654321",
    odfi="02100002",
    description="GIFT CARDS",
)
PARENT_ACCOUNT = BankAccount("acct-hq:1", ROUTINGS[4], "5550001", "checking", "Scrip Headquarters")


def account(place: str, number: int = 0) -> BankAccount:
    """A checking account of its own for a place; the third is a savings account."""
    kind: AccountType = "savings" if number == 2 else "checking"
    return BankAccount(
        f"acct-{place}:1", ROUTINGS[number % 4], f"10020{number}", kind, f"Shop {place}"
    )


def accounts(*places: str) -> Accounts:
    """An account for each place, and the parent's."""
    rows = {place: account(place, number) for number, place in enumerate(places)}
    return Accounts(rows, PARENT_ACCOUNT)


def terms(*places: str, minimum_minor: int = 100, **blocked: Standing) -> Terms:
    """Every place is able to settle, except those blocked by name."""
    return Terms("HQ", {**dict.fromkeys(places, Standing.ABLE), **blocked}, minimum_minor)


def items(*rows: tuple[str, str, int]) -> list[Payable]:
    """Items i1, i2, ... from (source, destination, amount)."""
    return [Payable(f"i{n}", *row) for n, row in enumerate(rows, start=1)]


CYCLE = items(("A", "B", 1200), ("B", "C", 3000), ("C", "A", 500), ("A", "C", 750))


def filing(sequence_first: int = 1, **changes: object) -> Filing:
    """A file built on a Tuesday at noon in New York."""
    values: dict[str, object] = {
        "run": "run1",
        "built_at": datetime(2026, 5, 12, 16, 0, tzinfo=UTC),
        "timezone": "America/New_York",
        "cutoff": "16:15",
        "modifier": "A",
        "sequence_first": sequence_first,
    }
    return Filing(**{**values, **changes})  # type: ignore[arg-type]  # tests name real fields


def representment(place: str, amount_minor: int, attempt: int = 1, trace: int = 7) -> Representment:
    """A returned debit of a place, to be presented again from its own account."""
    return Representment(place, amount_minor, attempt, f"02100002{trace:07d}", account(place))


def good_file() -> NachaFile:
    """Two batches, the second of debits presented again, every entry with its addenda."""
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    retries = [representment("B", 3800), representment("B", 3800, trace=8)]
    (file,) = plan(netting, retries, accounts("A", "B", "C"), "with_debits")
    return build(file, ORIGINATOR, filing(remittance="run1")).file
