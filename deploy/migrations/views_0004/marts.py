"""What finance and operations ask for ready made: balances, roll-forward, breakage, freshness."""

from deploy.migrations.view import View

_LIABILITY = "coalesce(l.standard, l.account) IN ('2100', '2110')"


def _changes(*events: str) -> str:
    listed = ", ".join(f"'{event}'" for event in events)
    return f"coalesce(sum(change) FILTER (WHERE event IN ({listed})), 0)"


_ISSUED = _changes("value_loaded", "credit_issued", "import_taken_back")
_REDEEMED = _changes("hold_captured")
_REFUNDED = _changes("capture_refunded")
_PAID_BACK = _changes("card_returned", "cashed_out")
_EXPIRED = _changes("lots_expired", "validity_extended")
_ADJUSTED = _changes("balance_adjusted", "sale_charged_back")
_ESCHEATED = _changes("value_escheated")
_MOVED = _changes("value_sent", "value_received")

MARTS = (
    View(
        "trial_balance",
        "Grain: one ledger account of one legal entity and currency. Sums to zero per entity.",
        """
        SELECT j.entity, j.currency, l.account, sum(l.debit)::bigint, sum(l.credit)::bigint,
            sum(l.debit - l.credit)::bigint
        FROM ledger.journal j JOIN ledger.journal_line l ON l.journal_id = j.id
        GROUP BY j.entity, j.currency, l.account
        """,
        """
        entity: legal entity
        currency: ISO 4217
        gl_account: account number as the policy's chart has it
        debit_minor: all debits, minor units
        credit_minor: all credits, minor units
        balance_minor: debits less credits, minor units
        """,
    ),
    View(
        "mart_liability_rollforward",
        "Grain: one posting day of one entity, currency and programme that has movements. "
        "Opening plus all movements is closing; as of any date: the last row up to it.",
        f"""
        WITH moved AS (
            SELECT j.entity, j.currency, coalesce(l.programme, '(none)') AS programme, j.date,
                j.event, l.credit - l.debit AS change
            FROM ledger.journal j JOIN ledger.journal_line l ON l.journal_id = j.id
            WHERE {_LIABILITY}
        ), by_day AS (
            SELECT entity, currency, programme, date, sum(change) AS change,
                {_ISSUED} AS issued, {_REDEEMED} AS redeemed, {_REFUNDED} AS refunded,
                {_PAID_BACK} AS paid_back, {_EXPIRED} AS expired, {_ADJUSTED} AS adjusted,
                {_ESCHEATED} AS escheated, {_MOVED} AS transferred
            FROM moved GROUP BY entity, currency, programme, date
        )
        SELECT entity, currency, programme, date::date, replace(date, '-', '')::integer,
            (sum(change) OVER so_far - change)::bigint, issued::bigint, redeemed::bigint,
            refunded::bigint, paid_back::bigint, expired::bigint, adjusted::bigint,
            escheated::bigint, transferred::bigint, (sum(change) OVER so_far)::bigint
        FROM by_day
        WINDOW so_far AS (PARTITION BY entity, currency, programme ORDER BY date)
        """,
        """
        entity: legal entity that owes
        currency: ISO 4217
        programme: programme
        date: posting day
        date_key: the same as a key of dim_date
        opening_minor: owed before the day, minor units
        issued_minor: sold, loaded, imported, granted
        redeemed_minor: spent, negative
        refunded_minor: put back by refunds
        paid_back_minor: unused cards returned and cash-outs, negative
        expired_minor: expired, negative, less what was extended again
        adjusted_minor: by hand, and charged-back sales
        escheated_minor: handed to the state, negative
        transferred_minor: received less sent between accounts
        closing_minor: owed at the end of the day, minor units
        """,
    ),
    View(
        "mart_breakage_cohort",
        "Grain: one month of sale of one entity, currency and programme.",
        """
        WITH moved AS (
            SELECT j.entity, j.currency, coalesce(l.programme, '(none)') AS programme,
                coalesce(l.cohort, '(none)') AS cohort, j.event,
                coalesce(l.standard, l.account) AS account, l.credit - l.debit AS change
            FROM ledger.journal j JOIN ledger.journal_line l ON l.journal_id = j.id
        )
        SELECT entity, currency, programme, cohort,
            coalesce(sum(change) FILTER (WHERE owed), 0)::bigint,
            coalesce(sum(change) FILTER (WHERE owed AND event IN (
                'value_loaded', 'credit_issued')), 0)::bigint,
            coalesce(-sum(change) FILTER (WHERE owed AND event IN (
                'hold_captured', 'capture_refunded')), 0)::bigint,
            coalesce(-sum(change) FILTER (WHERE owed AND event IN (
                'lots_expired', 'validity_extended')), 0)::bigint,
            coalesce(sum(change) FILTER (WHERE account = '4100'), 0)::bigint,
            coalesce(sum(change) FILTER (WHERE account = '2190'), 0)::bigint
        FROM (SELECT *, account IN ('2100', '2110') AS owed FROM moved) AS lines
        WHERE owed OR account IN ('2190', '4100')
        GROUP BY entity, currency, programme, cohort
        """,
        """
        entity: legal entity
        currency: ISO 4217
        programme: programme
        cohort: month of sale, yyyy-mm
        owed_minor: still owed, minor units
        issued_minor: came in, minor units
        redeemed_minor: spent less refunded to the card, minor units
        expired_minor: expired less extended, minor units
        recognized_minor: breakage taken to income, minor units
        waiting_minor: credit left on 2190, negative: income ahead of expiry, minor units
        """,
    ),
    View(
        "freshness",
        "Grain: one partition of one topic: how far the tables behind these views are.",
        """
        SELECT sink, topic, partition, next_offset, to_timestamp(fact_time / 1000.0)
        FROM ledger.progress
        """,
        """
        sink: which sink
        topic: topic it reads
        partition: partition of the topic
        next_offset: first offset that is not in the tables yet
        fact_time: time of the last fact that is
        """,
    ),
)
