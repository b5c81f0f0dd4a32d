"""Dimensions: one row per member, integer keys, and −1 for what a fact does not say."""

from deploy.migrations.view import View

_MEMBER = """
SELECT id, name, "of" FROM ledger.member WHERE kind = '{kind}'
UNION ALL SELECT -1, '(none)', NULL
"""
_CHART = """
(VALUES
    ('1000', 'Bank', 'asset'), ('1010', 'PSP clearing', 'asset'), ('1020', 'Cash drawer', 'asset'),
    ('1200', 'Due from affiliate', 'asset'), ('1290', 'ACH in transit', 'asset'),
    ('1310', 'Prepaid distribution cost', 'asset'), ('2100', 'Gift-card liability', 'liability'),
    ('2110', 'Store-credit liability', 'liability'),
    ('2150', 'Transfers in transit', 'liability'),
    ('2190', 'Breakage recognised (contra to 2100)', 'liability'),
    ('2200', 'Sales tax', 'liability'), ('2250', 'Tips', 'liability'),
    ('2300', 'Due to affiliate', 'liability'), ('2350', 'Consignors', 'liability'),
    ('2400', 'Unclaimed property', 'liability'), ('3900', 'Opening balances', 'equity'),
    ('4000', 'Revenue', 'income'), ('4050', 'Returns', 'income'),
    ('4100', 'Breakage income', 'income'), ('4200', 'Network retained income', 'income'),
    ('4290', 'Network allowance (contra)', 'income'),
    ('4300', 'Promo discount (contra)', 'income'), ('6100', 'Goodwill', 'expense'),
    ('6110', 'Membership cost', 'expense'), ('6900', 'Bank fees', 'expense'),
    ('6950', 'Fraud loss', 'expense'), ('6960', 'Location exceptions', 'expense')
) AS chart (number, title, class)
"""
# An account has an even key, a card that has never been sold an odd one.
_ACCOUNT = """
SELECT a.id * 2, a.account, c.last4, a.kind, a.programme, a.currency,
    CASE WHEN c.state IN ('Blank', 'Prepared', 'Activating', 'Cancelled') AND c.life > a.life
        THEN c.state ELSE a.state END,
    a.frozen, c.batch, c.value_minor, a.ledger_minor, a.held_minor,
    a.ledger_minor - a.held_minor, to_timestamp(a.opened_at / 1000.0),
    to_timestamp(c.sold_at / 1000.0), c.sold_location, c.sold_entity, c.sold_register,
    to_timestamp(greatest(a.changed_at, c.changed_at) / 1000.0)
FROM ledger.account_state a LEFT JOIN ledger.card_state c ON c.card = a.account
UNION ALL
SELECT c.id * 2 + 1, c.card, c.last4, 'card', c.programme, c.currency, c.state, false, c.batch,
    c.value_minor, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, to_timestamp(c.changed_at / 1000.0)
FROM ledger.card_state c
WHERE NOT EXISTS (SELECT FROM ledger.account_state a WHERE a.account = c.card)
UNION ALL
SELECT -1, '(none)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL
"""
_DATE = """
SELECT to_char(day, 'YYYYMMDD')::integer, day::date, extract(year FROM day)::integer,
    extract(quarter FROM day)::integer, extract(month FROM day)::integer, to_char(day, 'YYYY-MM'),
    extract(day FROM day)::integer, extract(isodow FROM day)::integer, to_char(day, 'IYYY-"W"IW')
FROM generate_series(date '2010-01-01', date '2060-12-31', interval '1 day') AS day
UNION ALL SELECT -1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
"""

DIMENSIONS = (
    View(
        "dim_date",
        "Grain: one calendar day. Plays every date of the facts (posted, business).",
        _DATE,
        """
        date_key: yyyymmdd as an integer, -1: no date
        date: the day
        year: calendar year
        quarter: calendar quarter, 1 to 4
        month: calendar month, 1 to 12
        year_month: yyyy-mm
        day: day of the month
        weekday: 1 Monday to 7 Sunday
        iso_week: ISO 8601 week, like 2026-W18
        """,
    ),
    View(
        "dim_location",
        "Grain: one place that a journal line or an account's history names.",
        _MEMBER.format(kind="location"),
        """
        location_key: surrogate key, -1: no place
        location: name in the policy; the parent's is its entity's name
        entity: legal entity whose place it is
        """,
    ),
    View(
        "dim_channel",
        "Grain: one channel (POS, web, office) that has published commands.",
        "SELECT id, name FROM (" + _MEMBER.format(kind="channel") + ") AS members",
        """
        channel_key: surrogate key, -1: a service, or none given
        channel: name in the policy
        """,
    ),
    View(
        "dim_programme",
        "Grain: one programme of gift cards or store credit.",
        "SELECT id, name FROM (" + _MEMBER.format(kind="programme") + ") AS members",
        """
        programme_key: surrogate key, -1: of no programme (bank and clearing lines)
        programme: name in the policy
        """,
    ),
    View(
        "dim_gl_account",
        "Grain: one ledger account in use, with its place in the standard chart.",
        f"""
        SELECT m.id, m.name, coalesce(m."of", m.name), chart.title, chart.class
        FROM ({_MEMBER.format(kind="gl_account")}) AS m
        LEFT JOIN {_CHART} ON chart.number = coalesce(m."of", m.name)
        """,
        """
        gl_account_key: surrogate key, -1: none
        number: account number as the policy's chart has it
        standard_number: number in the standard chart
        title: what the account is
        class: asset, liability, equity, income or expense
        """,
    ),
    View(
        "dim_account",
        "Grain: one gift card (certificate) or store-credit account, as it is now. Never the code.",
        _ACCOUNT,
        """
        account_key: surrogate key, -1: none; a card's changes once, when it is first sold
        account: random id of the account, not the code on the card
        last4: last four characters of the code
        kind: card or credit
        programme: its programme
        currency: ISO 4217
        state: Blank, Prepared, Activating, Activated, Refunding, Refunded, Redeemed, …
        frozen: nothing new goes out while true
        batch: batch the card was prepared in
        denomination_minor: value it was prepared or sold with, minor units
        ledger_minor: what is owed to its holder, minor units
        held_minor: reserved by open holds, minor units
        available_minor: ledger less held, minor units
        opened_at: when value first came in
        sold_at: when the card was sold
        sold_location: where the card was sold
        sold_entity: legal entity that sold it
        sold_register: register it was sold at
        changed_at: time of the last fact about it; for incremental refresh
        """,
    ),
)
