"""Uses: receipt, date, products, amount, register; and how many were activated, used, returned."""

from deploy.migrations.view import View

USES = (
    View(
        "mart_use",
        "Grain: one use: a purchase paid with a certificate or store credit, in whole or in part.",
        """
        SELECT e.id, e.reference, nullif(e.business_date, '')::date,
            to_char(nullif(e.business_date, '')::date, 'YYYYMMDD')::integer,
            to_timestamp(e.at / 1000.0), e.account, c.last4, e.programme, c.sold_location,
            e.entity, e.location, e.register, e.channel, e.staff, e.receipt, e."order",
            e.currency, -e.ledger_change, coalesce(bought.minor, -e.ledger_change),
            coalesce(back.minor, 0)::bigint, e.ledger_after, e.lines
        FROM ledger.account_event e
        LEFT JOIN ledger.card_state c ON c.card = e.account
        LEFT JOIN LATERAL (
            SELECT sum((line ->> 'amount')::bigint)::bigint AS minor
            FROM json_array_elements(e.lines) AS line
        ) AS bought ON true
        LEFT JOIN LATERAL (
            SELECT sum((line ->> 'covered')::bigint) AS minor
            FROM ledger.account_event r, json_array_elements(r.lines) AS line
            WHERE r.account = e.account AND r.type = 'capture_refunded'
                AND r.reference = e.reference
        ) AS back ON true
        WHERE e.type = 'hold_captured' AND e.ledger_change <> 0
        """,
        """
        use_key: the use; ascending, for incremental refresh
        capture: id of the capture
        date: day of the use at its place
        date_key: the same as a key of dim_date
        used_at: time of the use
        account: id of the account it was paid from
        last4: last four characters of the certificate; null for store credit
        programme: type of certificate or credit
        sold_location: where the certificate was sold; null for store credit
        entity: legal entity where it was used
        location: location where it was used
        register: register where it was used
        channel: channel it was used through
        staff: who served
        receipt: receipt it was used on
        order_reference: order it was used for
        currency: ISO 4217
        amount_minor: what was paid with it, minor units
        receipt_minor: what its lines cost together, minor units (without lines: the amount)
        refunded_minor: what of it has come back since, wherever to, minor units
        balance_after_minor: what was left on the account, minor units
        lines: the lines as JSON: line, category, amount, covered, product, quantity
        """,
    ),
    View(
        "mart_use_line",
        "Grain: one line of the receipt of one use: the products bought.",
        """
        SELECT u.use_key, u.capture, (line ->> 'line')::integer, u.date, u.account,
            u.location, u.register, u.receipt, line ->> 'category', line ->> 'product',
            (line ->> 'quantity')::integer, u.currency, (line ->> 'amount')::bigint,
            (line ->> 'covered')::bigint
        FROM bi.mart_use u, json_array_elements(u.lines) AS line
        """,
        """
        use_key: the use in mart_use
        capture: id of the capture
        line: number of the line on the receipt
        date: day of the use
        account: id of the account it was paid from
        location: location where it was used
        register: register where it was used
        receipt: receipt
        category: service, product, class, tax, tip or another; unclassified without lines
        product: product as the channel names it
        quantity: how many, as the channel says
        currency: ISO 4217
        amount_minor: price of the line, minor units
        covered_minor: what of it was paid with the account, minor units
        """,
    ),
    View(
        "mart_certificate_activity",
        "Grain: one day, legal entity, location, register and programme: how many certificates "
        "were activated, used and returned there, and for how much.",
        """
        WITH happened AS (
            SELECT nullif(e.business_date, '')::date AS date, e.entity, e.location, e.register,
                e.programme, e.currency, e.type, e.account, e.ledger_change, e.value_minor,
                e.id = min(e.id) FILTER (WHERE e.type = 'hold_captured' AND e.ledger_change <> 0)
                    OVER (PARTITION BY e.account) AS first_use
            FROM ledger.account_event e
            WHERE EXISTS (SELECT FROM ledger.card_state c WHERE c.card = e.account)
                AND (e.type IN ('card_sold', 'card_returned')
                    OR e.type IN ('hold_captured', 'capture_refunded') AND e.ledger_change <> 0)
        )
        SELECT date, to_char(date, 'YYYYMMDD')::integer, entity, location, register, programme,
            max(currency),
            count(*) FILTER (WHERE type = 'card_sold'),
            coalesce(sum(value_minor) FILTER (WHERE type = 'card_sold'), 0)::bigint,
            count(*) FILTER (WHERE type = 'hold_captured'),
            count(*) FILTER (WHERE first_use),
            coalesce(-sum(ledger_change) FILTER (WHERE type = 'hold_captured'), 0)::bigint,
            count(*) FILTER (WHERE type = 'capture_refunded'),
            coalesce(sum(ledger_change) FILTER (WHERE type = 'capture_refunded'), 0)::bigint,
            count(*) FILTER (WHERE type = 'card_returned'),
            coalesce(-sum(ledger_change) FILTER (WHERE type = 'card_returned'), 0)::bigint
        FROM happened
        GROUP BY date, entity, location, register, programme
        """,
        """
        date: day at the place
        date_key: the same as a key of dim_date
        entity: legal entity of the place
        location: location
        register: register
        programme: type of certificate
        currency: ISO 4217
        activated: certificates sold and activated
        activated_minor: their denominations, minor units
        uses: purchases paid with certificates
        first_uses: certificates that were used for the first time
        used_minor: what was paid with them, minor units
        refunds: refunds of such purchases to the certificate
        refunded_minor: what came back to them, minor units
        returned: certificates returned unused
        returned_minor: what was on them, minor units
        """,
    ),
)
