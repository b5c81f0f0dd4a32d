"""Settlement for finance: every item, every pair of locations, and each location's statement."""

from typing import Final

from deploy.migrations.view import View

# An entry of the run's own batch: what is presented again was another run's money.
_ENTRY: Final = "batch = 'regular'"

SETTLING = (
    View(
        "mart_reconciliation_detail",
        "Grain: one item: what one location owes another for one line of one use (negative: for "
        "its refund). A location sees its rows by filtering source or destination.",
        f"""
        SELECT i.item, to_timestamp(i.occurred_at / 1000.0),
            (i.dates -> i.destination_entity ->> 'business_date')::date, i.ticket, i.account,
            c.last4, i.source, i.source_entity, i.destination, i.destination_entity, i.category,
            i.line, i.currency, i.base, i.funded, i.rate_bp, i.amount, i.kind, i.state,
            i.unexpected, i.reverses, i.run, debtor.trace, creditor.trace
        FROM settlement.item i
        LEFT JOIN ledger.card_state c ON c.card = i.account
        LEFT JOIN settlement.run_entry debtor
            ON debtor.run = i.run AND debtor.location = i.source AND debtor.{_ENTRY}
        LEFT JOIN settlement.run_entry creditor
            ON creditor.run = i.run AND creditor.location = i.destination AND creditor.{_ENTRY}
        """,
        """
        item: id of the item
        happened_at: time of the use or refund
        date: day of it at its place, where its books know one
        ticket: receipt
        account: id of the card or credit
        last4: last four characters of the certificate
        source: location where the value came in, which owes
        source_entity: its legal entity
        destination: location where it was used, which is owed
        destination_entity: its legal entity
        category: category of the line
        line: line of the receipt
        currency: ISO 4217
        base_minor: face value used, minor units
        funded_minor: what of it was paid for, minor units
        rate_bp: rate in basis points
        amount_minor: what is owed, minor units
        kind: use, refund or unreconciled
        state: accrued, voided, assigned, in_file or settled
        unexpected: why it is not reconciled, where nobody expected that
        reverses: item it takes back
        run: settlement run that claimed it
        source_trace: trace number of the source's entry in that run
        destination_trace: trace number of the destination's entry in that run
        """,
    ),
    View(
        "mart_reconciliation_pair",
        "Grain: one pair of locations, currency, run (null: not claimed yet) and state.",
        """
        SELECT source, destination, currency, run, state, count(*) FILTER (WHERE kind = 'use'),
            count(*) FILTER (WHERE kind = 'refund'),
            count(*) FILTER (WHERE kind = 'unreconciled'), sum(base_minor)::bigint,
            coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint,
            coalesce(sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint,
            sum(amount_minor)::bigint
        FROM bi.mart_reconciliation_detail
        GROUP BY source, destination, currency, run, state
        """,
        """
        source: location that owes
        destination: location that is owed
        currency: ISO 4217
        run: settlement run
        state: state of the items
        uses: items of uses
        refunds: items of refunds
        unreconciled: items that move nothing
        base_minor: face value used less refunded, minor units
        owed_minor: owed for uses, minor units
        reversed_minor: taken back by refunds, negative, minor units
        amount_minor: what source owes destination on balance, minor units
        """,
    ),
    View(
        "mart_settlement_statement",
        "Grain: one location in one run, also one that moves nothing. Carried before plus owed "
        "to it less owed by it is moved plus carried.",
        f"""
        SELECT p.run, r.state, to_timestamp(r.started_at / 1000.0), p.location, p.entity,
            r.currency, p.before, coalesce(sum(i.amount) FILTER (WHERE i.destination = p.location),
                0)::bigint,
            coalesce(sum(i.amount) FILTER (WHERE i.source = p.location), 0)::bigint,
            count(i.item), p.net, p.moved, p.carried, e.direction, e.amount, e.trace, e.state,
            e.returned_code, coalesce(again.amount, 0)::bigint
        FROM settlement.run_position p JOIN settlement.run r ON r.run = p.run
        LEFT JOIN settlement.item i
            ON i.run = p.run AND p.location IN (i.source, i.destination)
        LEFT JOIN LATERAL (
            SELECT min(one.direction) AS direction, sum(one.amount)::bigint AS amount,
                min(one.trace) AS trace, min(one.state) AS state,
                min(one.returned_code) AS returned_code
            FROM settlement.run_entry one
            WHERE one.run = p.run AND one.location = p.location AND {_ENTRY}
        ) AS e ON true
        LEFT JOIN LATERAL (
            SELECT sum(CASE one.direction WHEN 'credit' THEN one.amount ELSE -one.amount END)
                AS amount
            FROM settlement.run_entry one
            WHERE one.run = p.run AND one.location = p.location AND one.batch = 'retry'
        ) AS again ON true
        GROUP BY p.run, r.state, r.started_at, p.location, p.entity, r.currency, p.before, p.net,
            p.moved, p.carried, e.direction, e.amount, e.trace, e.state, e.returned_code,
            again.amount
        """,
        """
        run: settlement run
        run_state: state of the run
        started_at: when it was started
        location: location
        entity: its legal entity
        currency: ISO 4217
        carried_before_minor: carried into the run, minor units; negative: it owes
        owed_to_minor: items in its favour, minor units
        owed_by_minor: items against it, minor units
        items: items of it in the run
        net_minor: owed to it less owed by it, minor units
        moved_minor: what the bank moves, minor units; negative: is taken from it
        carried_minor: what waits for a later run, minor units
        direction: debit or credit, of its entry
        entry_minor: amount of its entry, minor units
        trace: trace number of its entry
        entry_state: planned, filed, transmitted, pending, settled, final or returned
        returned_code: why its entry came back
        presented_again_minor: entries of earlier runs presented again with this one
        """,
    ),
    View(
        "mart_breakage_run",
        "Grain: one cohort with its jurisdiction in one breakage run: what was taken to income "
        "then, by which rate and by whom.",
        """
        SELECT o.subject, to_timestamp(o.time / 1000.0), o.body ->> 'by', o.body ->> 'method',
            (o.body ->> 'rate_bp')::integer, line ->> 'entity', o.body ->> 'currency',
            line ->> 'programme', line ->> 'cohort', line ->> 'jurisdiction',
            (line ->> 'recognized_minor')::bigint, (line ->> 'total_minor')::bigint
        FROM operations.outbox o, json_array_elements(o.body -> 'lines') AS line
        WHERE o.type = 'breakage_recognized.v1'
        """,
        """
        operation: id of the run
        run_at: time of the run
        made_by: who ran it
        method: proportional, remote or none
        rate_bp: expected breakage in basis points, where it is estimated
        entity: legal entity
        currency: ISO 4217
        programme: programme
        cohort: month of sale, yyyy-mm
        jurisdiction: jurisdiction of the place of sale
        recognized_minor: taken to income by this run, negative: given back, minor units
        total_minor: the cohort's cumulative income after it, minor units
        """,
    ),
)
