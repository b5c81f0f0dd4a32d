"""Breakage, run by run."""

from deploy.migrations.view import View

BREAKAGE = (
    View(
        "mart_breakage_run",
        "Grain: one cohort with its jurisdiction in one breakage run: what was taken to income "
        "then, by which rate and by whom.",
        """
        SELECT o.id, to_timestamp(o.executed_at / 1000.0), o.told ->> 'by', o.told ->> 'method',
            (o.told ->> 'rate_bp')::integer, line ->> 'entity', o.told ->> 'currency',
            line ->> 'programme', line ->> 'cohort', line ->> 'jurisdiction',
            (line ->> 'recognized_minor')::bigint, (line ->> 'total_minor')::bigint
        FROM operations.operation o, json_array_elements(o.told -> 'lines') AS line
        WHERE o.kind = 'recognize_breakage'
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
