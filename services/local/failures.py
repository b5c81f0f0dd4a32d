"""What can be wrong with the world around a command, as an exit status and a sentence."""

import logging
import sys
from collections.abc import Callable
from typing import Final

import structlog
import yaml
from confluent_kafka import KafkaException
from sqlalchemy.exc import OperationalError, ProgrammingError

from deploy.embedded.jars import JarsUnavailableError
from deploy.embedded.places import NoPlaceError
from deploy.embedded.readiness import ServerDiedError
from deploy.embedded.resolve import InfrastructureBusyError
from schemas.errors import ScripError
from schemas.policy_checks import PolicyRefusedError
from services.local.installation import NotThereError
from services.runtime.cli import DatabaseMissingError, KafkaMissingError
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
    (yaml.YAMLError, NO),
    (SettingsRefusedError, USAGE),
    (WhoAreYouError, USAGE),
    (NotThereError, MISSING),
    (KafkaMissingError, MISSING),
    (DatabaseMissingError, MISSING),
    (InfrastructureBusyError, MISSING),
    (JarsUnavailableError, MISSING),
    (NoPlaceError, MISSING),
    (ServerDiedError, MISSING),
    (TimeoutError, MISSING),
    (ScripError, NO),
)


def explained(run: Callable[[], int]) -> tuple[int, str | None]:
    """Run it: the exit status, and a sentence where something was refused or is missing."""
    _quiet()
    try:
        return run(), None
    except KafkaException as cause:
        return MISSING, f"Kafka does not answer as it should: {cause.args[0].str()}"
    except OperationalError as cause:
        return MISSING, f"PostgreSQL does not answer: {_first_line(cause.orig)}; is it started?"
    except ProgrammingError as cause:
        said = _first_line(cause.orig)
        return MISSING, f"the database has not the tables of this version: {said}"
    except tuple(kind for kind, _ in _STATUS) as cause:
        status = next(status for kind, status in _STATUS if isinstance(cause, kind))
        return status, str(cause)[:_SENTENCE_MAX]
    except RuntimeError as cause:
        return MISSING, str(cause)[:_SENTENCE_MAX]


def _first_line(cause: BaseException | None) -> str:
    return str(cause).strip().splitlines()[0] if str(cause).strip() else "no cause given"


def _quiet() -> None:
    """Standard output is the answer's; what the runtime logs at least warns."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
