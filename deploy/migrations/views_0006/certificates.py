"""Gift cards from stock to the last use: what there is, what was sold, where it was spent."""

from typing import Final

from deploy.migrations.view import View

# The place, person and paper of an event, the same columns in every view that has them.
_PLACE: Final = "e.entity, e.location, e.register, e.channel, e.staff, e.receipt"
_CARDS: Final = "ledger.account_event e JOIN ledger.card_state c ON c.card = e.account"
_DAY: Final = "nullif(e.business_date, '')::date"
_AT: Final = "to_timestamp(e.at / 1000.0)"

CERTIFICATES = (
    View(
        "mart_certificate",
        "Grain: one gift card, sold or not: its number's last four digits, type, denomination, "
        "state, sale and what is left on it.",
        """
        SELECT d.account_key, d.account, d.last4, d.programme, d.batch, d.denomination_minor,
            d.currency, d.state, d.frozen, d.ledger_minor, d.held_minor, d.available_minor,
            to_timestamp(c.prepared_at / 1000.0), c.shipped_to, d.sold_at, d.sold_entity,
            d.sold_location, d.sold_register, c.price_minor, c.tender,
            coalesce(happened.sales, 0), coalesce(happened.uses, 0),
            coalesce(happened.returns, 0), d.changed_at
        FROM bi.dim_account d
        JOIN ledger.card_state c ON c.card = d.account
        LEFT JOIN (
            SELECT account,
                count(*) FILTER (WHERE type IN ('card_sold', 'cards_imported')) AS sales,
                count(*) FILTER (WHERE type = 'hold_captured' AND ledger_change <> 0) AS uses,
                count(*) FILTER (WHERE type = 'card_returned') AS returns
            FROM ledger.account_event GROUP BY account
        ) AS happened ON happened.account = d.account
        """,
        """
        account_key: key in dim_account
        account: id of the card's account; its number is in no table
        last4: last four characters of its number
        programme: type of certificate
        batch: batch it was made in
        denomination_minor: denomination, minor units
        currency: ISO 4217
        state: Blank, Prepared, Activating, Activated, Refunding, Refunded, Redeemed, Expired or …
        frozen: nothing new goes out
        balance_minor: what is owed on it, minor units
        held_minor: reserved by open holds, minor units
        available_minor: balance less held, minor units
        prepared_at: when it was made; imported cards were not
        shipped_to: location its stock was shipped to
        sold_at: when it was last sold or imported
        sold_entity: legal entity that sold it
        sold_location: location that sold it
        sold_register: register that sold it
        price_minor: what was paid for it, minor units
        tender: what it was paid with
        sales: times it was sold or imported (more than one: it came back to stock between)
        uses: captures, that is purchases paid with it
        returns: times it was returned unused
        changed_at: time of its last fact
        """,
    ),
    View(
        "mart_certificate_issued",
        "Grain: one day, programme and batch. How many certificates were issued (made, or taken "
        "over from elsewhere) in the course of time.",
        f"""
        SELECT {_DAY}, to_char({_DAY}, 'YYYYMMDD')::integer, e.programme, c.batch, e.currency,
            count(*) FILTER (WHERE e.type = 'cards_prepared'),
            count(*) FILTER (WHERE e.type = 'cards_imported'),
            coalesce(sum(e.value_minor), 0)::bigint
        FROM {_CARDS}
        WHERE e.type IN ('cards_prepared', 'cards_imported')
        GROUP BY 1, 2, 3, 4, 5
        """,
        """
        date: day they were issued
        date_key: the same as a key of dim_date
        programme: type of certificate
        batch: batch
        currency: ISO 4217
        prepared: certificates made, to be sold
        imported: certificates taken over with a balance
        value_minor: their denominations together, minor units; 0 where the till names the value
        """,
    ),
    View(
        "mart_certificate_sale",
        "Grain: one sale of one certificate: where, at which register, by which legal entity it "
        "was issued to a customer, with day, month, quarter and year.",
        f"""
        SELECT e.id, {_DAY}, to_char({_DAY}, 'YYYYMMDD')::integer, to_char({_DAY}, 'YYYY-MM'),
            to_char({_DAY}, 'YYYY-"Q"Q'), extract(year FROM {_DAY})::integer, {_AT}, e.account,
            c.last4, e.programme, {_PLACE}, e.currency, e.value_minor, e.price_minor, e.tender,
            e.reference
        FROM {_CARDS}
        WHERE e.type = 'card_sold'
        """,
        """
        sale_key: the sale; ascending, for incremental refresh
        date: day of the sale
        date_key: the same as a key of dim_date
        month: yyyy-mm
        quarter: yyyy-Qn
        year: calendar year
        sold_at: time of the sale
        account: id of the card's account
        last4: last four characters of its number
        programme: type of certificate
        entity: legal entity that sold it
        location: location that sold it
        register: register that sold it
        channel: channel that sold it
        staff: who sold it
        receipt: receipt it stands on
        currency: ISO 4217
        value_minor: denomination, minor units
        price_minor: what was paid, minor units
        tender: what it was paid with
        sale: id of the sale
        """,
    ),
    View(
        "mart_certificate_sales_by_period",
        "Grain: one period of one kind (day, month, quarter or year), legal entity, location, "
        "register and programme. Filter one kind before you sum.",
        """
        SELECT kind, period, entity, location, register, programme, currency,
            count(*), sum(value_minor)::bigint, sum(price_minor)::bigint
        FROM bi.mart_certificate_sale,
            LATERAL (VALUES ('day', date::text), ('month', month), ('quarter', quarter),
                ('year', year::text)) AS periods (kind, period)
        GROUP BY kind, period, entity, location, register, programme, currency
        """,
        """
        kind: day, month, quarter or year
        period: yyyy-mm-dd, yyyy-mm, yyyy-Qn or yyyy
        entity: legal entity that sold
        location: location that sold
        register: register that sold
        programme: type of certificate
        currency: ISO 4217
        sold: certificates sold
        value_minor: their denominations, minor units
        price_minor: what was paid for them, minor units
        """,
    ),
    View(
        "mart_certificate_balance",
        "Grain: one programme, state and legal entity that sold. How much money is left.",
        """
        SELECT programme, currency, state, sold_entity, count(*), sum(balance_minor)::bigint,
            sum(held_minor)::bigint, sum(available_minor)::bigint
        FROM bi.mart_certificate
        GROUP BY programme, currency, state, sold_entity
        """,
        """
        programme: type of certificate
        currency: ISO 4217
        state: state of the certificates
        entity: legal entity that sold them; null for stock
        certificates: how many
        balance_minor: what is owed on them, minor units
        held_minor: reserved by open holds, minor units
        available_minor: what may be spent now, minor units
        """,
    ),
)
