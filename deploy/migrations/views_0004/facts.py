"""Facts: one row per thing that happened, with the keys of its dimensions."""

from deploy.migrations.view import View

_KEYS = """
LEFT JOIN ledger.member lo ON lo.kind = 'location' AND lo.name = {row}.location
LEFT JOIN ledger.member ch ON ch.kind = 'channel' AND ch.name = {row}.channel
LEFT JOIN ledger.member pr ON pr.kind = 'programme' AND pr.name = {row}.programme
LEFT JOIN ledger.account_state ac ON ac.account = {row}.{account}
LEFT JOIN ledger.card_state ca ON ca.card = {row}.{account}
"""
_ACCOUNT_KEY = "coalesce(ac.id * 2, ca.id * 2 + 1, -1)"
_DATE_KEY = "coalesce(replace(nullif({day}, ''), '-', '')::integer, -1)"

FACTS = (
    View(
        "fact_ledger_line",
        "Grain: one line of a journal. Sum debit and credit freely; every journal balances.",
        f"""
        SELECT j.id, l.number, j.entity, {_DATE_KEY.format(day="j.date")},
            {_DATE_KEY.format(day="j.business_date")}, coalesce(gl.id, -1), coalesce(lo.id, -1),
            coalesce(ch.id, -1), coalesce(pr.id, -1), {_ACCOUNT_KEY}, l.cohort, l.origin,
            l.counterparty, j.currency, j.event, j.fact, l.debit, l.credit, l.debit - l.credit,
            to_timestamp(j.time / 1000.0)
        FROM ledger.journal j JOIN ledger.journal_line l ON l.journal_id = j.id
        LEFT JOIN ledger.member gl ON gl.kind = 'gl_account' AND gl.name = l.account
        {_KEYS.format(row="l", account="subject")}
        """,
        """
        journal_key: the journal; ascending, for incremental refresh
        line_number: line of the journal, from 1
        entity: legal entity whose books it is in
        date_key: posting day
        business_date_key: day the business happened
        gl_account_key: ledger account
        location_key: place
        channel_key: channel
        programme_key: programme
        account_key: gift card or store credit
        cohort: month of sale of the value, yyyy-mm
        origin: how the value came in (paid, promo, goodwill, …)
        counterparty: the other legal entity, on lines between entities
        currency: ISO 4217
        event: type of the fact behind it, like hold_captured
        fact: id of that fact
        debit_minor: debit, minor units
        credit_minor: credit, minor units
        amount_minor: debit less credit, minor units
        happened_at: time of the fact
        """,
    ),
    View(
        "fact_card_event",
        "Grain: one fact about a gift card or store credit: its statement, line by line.",
        f"""
        SELECT e.id, {_ACCOUNT_KEY}, e.type, {_DATE_KEY.format(day="e.business_date")},
            coalesce(lo.id, -1), coalesce(ch.id, -1), coalesce(pr.id, -1), e.entity, e.currency,
            e.state, e.ledger_change, e.held_change, e.ledger_after, e.held_after, e.register,
            e.staff, e.receipt, e.reference, e."order", e.reason, e.note, e.lines, e.fact,
            to_timestamp(e.at / 1000.0)
        FROM ledger.account_event e
        {_KEYS.format(row="e", account="account")}
        """,
        """
        event_key: the event; ascending, for incremental refresh
        account_key: gift card or store credit
        event: type of the fact, like card_sold, hold_captured, capture_refunded
        business_date_key: day it happened at the place; -1 where the fact posts nothing
        location_key: place
        channel_key: channel
        programme_key: programme
        entity: legal entity of the place
        currency: ISO 4217
        state: state of the card or account after it
        ledger_change_minor: change of what is owed, minor units
        held_change_minor: change of what is reserved, minor units
        ledger_after_minor: what is owed after it, minor units
        held_after_minor: what is reserved after it, minor units
        register: register or device
        staff: member of staff, as the channel names them
        receipt: ticket or receipt number
        reference: id of the hold, capture, sale or other account it is about
        order_reference: order it belongs to
        reason: reason given
        note: note given
        lines: lines of the receipt as JSON: line, category, amount, covered
        fact: id of the fact
        happened_at: time of the fact
        """,
    ),
    View(
        "fact_settlement_item",
        "Grain: one item that one location owes another for a use (negative: for its refund).",
        f"""
        SELECT i.item, i.run, i.state, i.kind, coalesce(so.id, -1), coalesce(de.id, -1),
            coalesce(pr.id, -1), {_ACCOUNT_KEY}, i.source_entity, i.destination_entity, i.capture,
            i.line, i.category, i.ticket, i.currency, i.base, i.funded, i.rate_bp, i.amount,
            i.reverses, i.cohort, to_timestamp(i.occurred_at / 1000.0)
        FROM settlement.item i
        LEFT JOIN ledger.member so ON so.kind = 'location' AND so.name = i.source
        LEFT JOIN ledger.member de ON de.kind = 'location' AND de.name = i.destination
        LEFT JOIN ledger.member pr ON pr.kind = 'programme' AND pr.name = i.programme
        LEFT JOIN ledger.account_state ac ON ac.account = i.account
        LEFT JOIN ledger.card_state ca ON ca.card = i.account
        """,
        """
        item: id of the item
        run: settlement run that claimed it
        state: accrued, voided, assigned, in_file or settled
        kind: use, refund or unreconciled
        source_location_key: place where the value came in, which owes
        destination_location_key: place where it was used, which is owed
        programme_key: programme
        account_key: gift card or store credit
        source_entity: legal entity of the source
        destination_entity: legal entity of the destination
        capture: id of the capture
        line: line of the receipt
        category: category of that line
        ticket: receipt number
        currency: ISO 4217
        base_minor: face value used, minor units
        funded_minor: what of it was paid for, minor units
        rate_bp: rate in basis points
        amount_minor: what is owed, minor units
        reverses: id of the item it takes back
        cohort: month of sale of the value, yyyy-mm
        happened_at: time of the use or refund
        """,
    ),
)
