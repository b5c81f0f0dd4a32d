"""Store credit: every owner's balances, their history, and the log of what staff did."""

from deploy.migrations.view import View

CREDIT = (
    View(
        "mart_credit_balance",
        "Grain: one store-credit account: one owner (customer, company or card) in one currency.",
        """
        SELECT account, owner_kind, owner, currency, programme, state, frozen, ledger_minor,
            held_minor, ledger_minor - held_minor, to_timestamp(opened_at / 1000.0),
            to_timestamp(changed_at / 1000.0)
        FROM ledger.account_state WHERE kind = 'credit'
        """,
        """
        account: id of the account
        owner_kind: customer, company, or card (what a card's refunds and remainders became)
        owner: id of the customer, company or card
        currency: ISO 4217
        programme: credit programme
        state: Activated or Cancelled
        frozen: nothing new goes out
        balance_minor: what is owed, minor units
        held_minor: reserved by open holds, minor units
        available_minor: balance less held, minor units
        opened_at: time of its first fact
        changed_at: time of its last fact
        """,
    ),
    View(
        "mart_credit_history",
        "Grain: one transaction of one store-credit account: whatever changed its balance. "
        "Transactions are never changed; a correction is an adjustment of its own.",
        """
        SELECT e.id, e.account, s.owner_kind, s.owner,
            CASE
                WHEN e.type = 'hold_captured' THEN 'redemption'
                WHEN e.type = 'capture_refunded' THEN 'refund'
                WHEN e.type = 'lots_expired' THEN 'expired'
                WHEN e.type = 'credit_issued' AND e.origin IN ('refund', 'consignment')
                    THEN e.origin
                WHEN e.type = 'value_received' AND e.reason = 'refund' THEN 'refund'
                WHEN e.type IN ('credit_issued', 'value_loaded', 'value_received')
                    THEN 'issuance'
                ELSE 'adjustment'
            END,
            e.ledger_change, e.currency, e.ledger_after, to_timestamp(e.at / 1000.0), e.staff,
            e.channel, e.location, coalesce(e.note, e.reason), e."order", e.type, e.origin, e.fact
        FROM ledger.account_event e JOIN ledger.account_state s ON s.account = e.account
        WHERE s.kind = 'credit' AND e.ledger_change <> 0
        """,
        """
        transaction_key: the transaction; ascending within an account
        account: id of the account
        owner_kind: customer, company or card
        owner: id of the customer, company or card
        type: issuance, refund, adjustment, redemption, expired or consignment
        amount_minor: signed change of the balance, minor units
        currency: ISO 4217
        balance_after_minor: balance after the transaction, minor units
        happened_at: date and time
        staff: member of staff who did it, as the channel names them
        channel: channel it came through
        location: location it was done at
        note: note, else the reason given
        order_reference: linked order
        event: type of the fact behind it
        origin: how the value came in, more finely than its type
        fact: id of that fact
        """,
    ),
    View(
        "mart_activity_log",
        "Grain: one thing that happened to one account: what changes no balance (holds, freezes) "
        "is here too.",
        """
        SELECT e.id, to_timestamp(e.at / 1000.0), e.type, e.account, s.kind, s.owner_kind,
            s.owner, e.staff, e.channel, e.location, e.register, e.receipt, e."order",
            e.currency, e.ledger_change, e.held_change, e.ledger_after, e.held_after, e.state,
            e.reason, e.note, e.reference, e.fact
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
        """,
    ),
    View(
        "mart_order_payment",
        "Grain: one order and currency: what certificates and store credit have paid of it, over "
        "all accounts. Compare with the order's total where orders are kept.",
        """
        WITH uses AS (
            SELECT order_reference, currency, account, amount_minor, refunded_minor
            FROM bi.mart_use WHERE order_reference IS NOT NULL
        )
        SELECT u.order_reference, u.currency, count(DISTINCT u.account), count(*),
            coalesce(sum(u.amount_minor) FILTER (WHERE s.owner_kind = 'customer'), 0)::bigint,
            coalesce(sum(u.amount_minor) FILTER (WHERE s.owner_kind = 'company'), 0)::bigint,
            coalesce(sum(u.amount_minor) FILTER (
                WHERE s.owner_kind IS NULL OR s.owner_kind = 'card'), 0)::bigint,
            sum(u.amount_minor)::bigint, sum(u.refunded_minor)::bigint,
            sum(u.amount_minor - u.refunded_minor)::bigint
        FROM uses u JOIN ledger.account_state s ON s.account = u.account
        GROUP BY u.order_reference, u.currency
        """,
        """
        order_reference: the order
        currency: ISO 4217
        accounts: accounts that paid of it
        uses: captures for it
        customer_minor: paid from customers' store credit, minor units
        company_minor: paid from companies' store credit, minor units
        card_minor: paid from gift cards and their credit, minor units
        paid_minor: paid in all, minor units
        refunded_minor: refunded since, minor units
        net_minor: paid less refunded, minor units
        """,
    ),
)
