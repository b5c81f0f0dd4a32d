"""Whether the numbers that a template promised are there: others may have some of them.

The meter of a template counts what it has promised. Numbers of its form may be an import's or
another template's, and the directory knows a number by its digest only, so who wants to know looks
at every number of the form. That is done where it could matter and can be: in small forms whose
room what others have could use up. Of larger ones a hundredth is kept free.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from schemas.policy import Template
from services.issuance.chunks import IMPORTED
from services.issuance.directory import Directory, TemplateFullError
from services.issuance.tables import BATCHES, CHUNKS, TEMPLATES
from services.issuance.templates import LOOKED_AT_ONCE, LOOKED_MAX, numbers_at, possible


def require_free(
    connection: Connection, directory: Directory, templates: Mapping[str, Template], count: int
) -> None:
    """Are there numbers for `count` cards, claimed just now, beside all that is promised?

    Raises TemplateFullError, which says how many there are.
    """
    for name, template in templates.items():
        most = possible(template)
        if template.number is None or most > LOOKED_MAX:
            continue
        claimed, others = _claimed(connection, name, template)
        if claimed + others <= most:
            continue  # whatever others have, there is room
        each = _of_form(templates.values(), template)
        promised = _promised(connection, template)
        free = _free(connection, directory, template, promised + each * count)
        room = max(0, free - promised) // each
        if room < count:
            made = claimed - count - _promised(connection, template, name)
            elsewhere = max(0, most - free - made)
            raise TemplateFullError(
                f"template {name} has room for {room} more, not for {count}: of its {most} numbers "
                f"an import or another template has {elsewhere}, and {promised} more are promised"
            )


def _claimed(connection: Connection, name: str, template: Template) -> tuple[int, int]:
    """What the template has promised, and the most that others have of its form or may get."""
    mine = select(TEMPLATES.c.claimed).where(TEMPLATES.c.template == name)
    claimed = int(connection.execute(mine).scalar_one())
    of_others = select(func.sum(TEMPLATES.c.claimed)).where(TEMPLATES.c.template != name)
    imports = select(func.sum(BATCHES.c.cards)).where(BATCHES.c.kind == IMPORTED)
    made = int(connection.execute(of_others).scalar() or 0)
    # A barcode is a number too: a card may have one beside its number.
    own = claimed if template.barcode == "ean13" else 0
    return claimed, own + 2 * made + int(connection.execute(imports).scalar() or 0)


def _of_form(templates: Any, template: Template) -> int:
    return sum(one.number == template.number for one in templates)


def _promised(connection: Connection, template: Template, name: str | None = None) -> int:
    """Numbers of this form that batches still have to make (`name`: for this template only)."""
    planned = (
        select(CHUNKS.c.batch, func.sum(CHUNKS.c.cards))
        .where(CHUNKS.c.state == "planned")
        .group_by(CHUNKS.c.batch)
    )
    promised = 0
    for batch, cards in connection.execute(planned).all():
        of_batch = select(BATCHES.c.templates).where(BATCHES.c.batch == batch)
        said = connection.execute(of_batch).scalar_one()
        known = {n: Template(**one) for n, one in said.items() if name in (None, n)}
        promised += int(cards) * _of_form(known.values(), template)
    return promised


def _free(connection: Connection, directory: Directory, template: Template, enough: int) -> int:
    """How many numbers of the form nobody has; it is not counted further than `enough`."""
    free = 0
    every = range(possible(template))
    for start in every[::LOOKED_AT_ONCE]:
        places = every[start : start + LOOKED_AT_ONCE]
        free += len(places) - len(directory.taken(connection, numbers_at(template, places)))
        if free >= enough:
            break
    return free
