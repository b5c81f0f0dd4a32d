"""Operations read back from their facts, where the database that executed them was lost.

They are written down, never executed again: a period stays closed, an operation's id stays used,
and breakage goes on from what was recognised.
"""

from typing import Any

import orjson

from schemas.ledger import BreakageRecognized, PeriodClosed
from schemas.message import Published
from services.ledger.kinds import CLOSE_PERIOD, RECOGNIZE_BREAKAGE


def operation_row(fact: Published) -> dict[str, Any] | None:
    """The row of `operations.operation` that a fact tells of; None: it is no such fact."""
    body = fact.body
    arguments: dict[str, Any]
    match body:
        case PeriodClosed():
            kind, arguments = CLOSE_PERIOD, {"entity": body.entity, "until": body.until}
        case BreakageRecognized():
            kind = RECOGNIZE_BREAKAGE
            arguments = {"programme": body.programme, "rate": body.rate_bp}
        case _:
            return None
    return {
        "id": body.operation,
        "kind": kind,
        "arguments": arguments,
        "made_by": body.by,
        "as_of": {},
        "state": "executed",
        "created_at": fact.time,
        "executed_at": fact.time,
        "told": orjson.loads(orjson.dumps(body)),
    }
