"""The reference of the reports, written from the comments of the views: docs/reference/reports.md.

`python -m deploy.migrations.reference` writes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.migrations.view import View
from deploy.migrations.views_0004.dimensions import DIMENSIONS
from deploy.migrations.views_0004.facts import FACTS
from deploy.migrations.views_0004.marts import MARTS
from deploy.migrations.views_0006.certificates import CERTIFICATES
from deploy.migrations.views_0006.credit import CREDIT
from deploy.migrations.views_0006.settling import SETTLING
from deploy.migrations.views_0006.uses import USES
from deploy.migrations.views_0008.breakage import BREAKAGE
from deploy.migrations.views_0012.activity import ACTIVITY

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "reports.md"
# What people ask for (domain.md of both trades), and the view that answers.
QUESTIONS: Final[Sequence[tuple[str, str]]] = (
    ("Certificates by number (last four), denomination, type, state", "mart_certificate"),
    ("How many were issued in the course of time", "mart_certificate_issued"),
    ("Where, at which register, by which legal entity a certificate was sold; day to year", ""),
    ("… one by one", "mart_certificate_sale"),
    ("… by day, month, quarter, year", "mart_certificate_sales_by_period"),
    ("How much money is left", "mart_certificate_balance"),
    ("Receipt, date, amount, register of each use", "mart_use"),
    ("Products bought with it", "mart_use_line"),
    ("How many were activated, used and returned; where they were used", ""),
    ("… by day, location, register", "mart_certificate_activity"),
    ("Store credit: balances by owner", "mart_credit_balance"),
    ("Store credit: history", "mart_credit_history"),
    ("Who did what", "mart_activity_log"),
    ("What was paid of an order, over all accounts", "mart_order_payment"),
    ("What is owed, day by day: opening to closing", "mart_liability_rollforward"),
    ("Breakage by cohort; run by run", "mart_breakage_cohort"),
    ("… with rate, method and person", "mart_breakage_run"),
    ("Reconciliation in detail, per item", "mart_reconciliation_detail"),
    ("… per pair of locations", "mart_reconciliation_pair"),
    ("Statement of a location in a run", "mart_settlement_statement"),
    ("How fresh all of it is", "freshness"),
)
_HEAD: Final = """# Reports

Written by `python -m deploy.migrations.reference` from the comments of the views; do not edit.

The schema `bi` has views only. Amounts are minor units of the row's currency. The role `bi_reader`
reads them and nothing else: its transactions are read-only, its statements end after 60 s.

## Which view answers what

| question | view |
|---|---|
"""


def document(views: Mapping[str, tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """The page, from {view: (comment, [(column, comment)])}."""
    said = [_HEAD]
    for question, name in QUESTIONS:
        said.append(f"| {question} | {f'[{name}](#{name})' if name else ''} |\n")
    for name in sorted(views):
        comment, columns = views[name]
        said.append(f"\n## {name}\n\n{comment}\n\n| column | is |\n|---|---|\n")
        said += [
            f"| {column} | {meaning.replace('|', '&#124;')} |\n" for column, meaning in columns
        ]
    return "".join(said)


def declared(views: Iterable[View]) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """What views say of themselves, in the shape of `document`."""
    return {view.name: (view.comment, list(view.described())) for view in views}


_BEFORE_0010: Final = (DIMENSIONS, FACTS, MARTS, CERTIFICATES, USES, CREDIT, SETTLING, BREAKAGE)
# A view of a later revision stands in for an earlier one of its name.
ALL: Final = tuple(
    {view.name: view for views in (*_BEFORE_0010, ACTIVITY) for view in views}.values()
)

if __name__ == "__main__":
    PAGE.write_text(document(declared(ALL)), encoding="utf-8")
