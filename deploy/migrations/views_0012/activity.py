"""Who did what, with who approved it and which case it belongs to."""

from deploy.migrations.view import View

ACTIVITY = (
    View(
        "mart_activity_log",
        "Grain: one thing that happened to one account: what changes no balance (holds, freezes) "
        "is here too.",
        """
        SELECT e.id, to_timestamp(e.at / 1000.0), e.type, e.account, s.kind, s.owner_kind,
            s.owner, e.staff, e.channel, e.location, e.register, e.receipt, e."order",
            e.currency, e.ledger_change, e.held_change, e.ledger_after, e.held_after, e.state,
            e.reason, e.note, e.reference, e.fact, nullif(e.approved_by, ''), nullif(e."case", '')
        FROM ledger.account_event e LEFT JOIN ledger.account_state s ON s.account = e.account
        """,
        """
        activity_key: the activity; ascending, for incremental refresh
        happened_at: date and time
        activity: type of the fact: credit_issued, hold_placed, account_frozen, …
        account: id of the card or account
        kind: card or credit; null for a card that was never live
        owner_kind: customer, company or card
        owner: whose store credit it is
        staff: who did it
        channel: channel it came through
        location: location
        register: register
        receipt: receipt
        order_reference: order
        currency: ISO 4217
        ledger_change_minor: change of what is owed, minor units
        held_change_minor: change of what is reserved, minor units
        balance_after_minor: what is owed after it, minor units
        held_after_minor: what is reserved after it, minor units
        state: state after it
        reason: reason given
        note: note given
        reference: hold, capture, sale, return or other account it is about
        fact: id of the fact
        approved_by: the second person, where one was needed; null in rows older than 0010
        case_reference: case of a freeze; null in rows older than 0010
        """,
    ),
)
