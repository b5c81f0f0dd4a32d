"""What can be wrong with the world around a command, as an exit status and a sentence."""

from typing import Final

from confluent_kafka import KafkaException
from sqlalchemy.exc import OperationalError, ProgrammingError

from deploy.embedded.jars import JarsUnavailableError
from deploy.embedded.kafka_folder import LaterDataError
from deploy.embedded.places import NoPlaceError
from deploy.embedded.readiness import ServerDiedError
from deploy.embedded.resolve import InfrastructureBusyError
from schemas.errors import ScripError
from schemas.policy_checks import PolicyRefusedError
from services.local.installation import NotThereError
from services.runtime.cli import DatabaseMissingError, KafkaMissingError, PersonMissingError
from services.runtime.ports import BatchDroppedError, OutcomeUnknownError, RecordRefusedError
from services.runtime.settings import SettingsRefusedError
from services.settlement.cli import WhoAreYouError
from services.settlement.runs import RunRefusedError

NO: Final = 1
USAGE: Final = 2
MISSING: Final = 3
_SENTENCE_MAX: Final = 500

_STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (PolicyRefusedError, NO),
    (RunRefusedError, NO),
    (SettingsRefusedError, USAGE),
    (WhoAreYouError, USAGE),
    (PersonMissingError, USAGE),
    (NotThereError, MISSING),
    (KafkaMissingError, MISSING),
    (DatabaseMissingError, MISSING),
    (InfrastructureBusyError, MISSING),
    (JarsUnavailableError, MISSING),
    (LaterDataError, MISSING),
    (NoPlaceError, MISSING),
    (ServerDiedError, MISSING),
    (TimeoutError, MISSING),
    (ScripError, NO),
)


def sentence_of(cause: BaseException) -> tuple[int, str] | None:
    """The exit status and the sentence for what went wrong; None: it is a fault of ours."""
    match cause:
        case KafkaException():
            return MISSING, f"Kafka does not answer as it should: {cause.args[0].str()}"
        case RecordRefusedError():
            return MISSING, f"Kafka does not take it: {cause}"
        case BatchDroppedError():
            return MISSING, f"nothing was written, run it again: Kafka said {cause}"
        case OutcomeUnknownError():
            return MISSING, f"Kafka did not say whether it is in; run it again, it looks: {cause}"
        case OperationalError():
            return MISSING, f"PostgreSQL does not answer: {_first_line(cause.orig)}; is it started?"
        case ProgrammingError():
            said = _first_line(cause.orig)
            return MISSING, f"the database has not the tables of this version: {said}"
    for kind, status in _STATUS:
        if isinstance(cause, kind):
            return status, str(cause)[:_SENTENCE_MAX]
    return (MISSING, str(cause)[:_SENTENCE_MAX]) if isinstance(cause, RuntimeError) else None


def _first_line(cause: BaseException | None) -> str:
    return str(cause).strip().splitlines()[0] if str(cause).strip() else "no cause given"
