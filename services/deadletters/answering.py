"""What `scrip deadletters` says: letters listed, one shown, some sent once more or only named."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from schemas.errors import ScripError
from schemas.instants import format_instant
from services.deadletters.letters import Letter, Wanted, obstacle
from services.deadletters.operations import letters_of, requeue, sent_before
from services.runtime.cli import DONE, NO, PersonMissingError, Said, require_database, require_log
from services.runtime.clocks import SystemClock
from services.runtime.settings import Settings

SHOWN_MAX: Final = 1_000
REQUEUED_MAX: Final = 10_000


class TooManyLettersError(ScripError):
    """More letters than one requeue sends: choose by time, topic, cause or key, and go on."""


def list_letters(settings: Settings, wanted: Wanted) -> Said:
    """Those wanted, oldest first: how many of each kind, and the first of them."""
    counts: Counter[tuple[str, str]] = Counter()
    rows: list[dict[str, Any]] = []
    for letter in sorted(_wanted(settings, wanted), key=_order):
        counts[letter.topic, letter.cause_class] += 1
        if len(rows) < SHOWN_MAX:
            rows.append(_row(letter))
    kinds = [{"topic": t, "cause_class": c, "letters": n} for (t, c), n in sorted(counts.items())]
    lines = [f"{kind['letters']:>8}  {kind['topic']}  {kind['cause_class']}" for kind in kinds]
    lines += ["", *map(_line, rows)] if rows else ["no dead letters"]
    left = counts.total() - len(rows)
    if left:
        lines.append(f"… and {left} more: choose by --topic, --cause, --key, --since, --until")
    return Said({"counts": kinds, "deadletters": rows, "not_listed": left}, "\n".join(lines))


def show_letter(settings: Settings, name: str) -> Said:
    """One letter with its headers, its bytes, and whether it can be sent once more."""
    for letter in _wanted(settings, Wanted(names=frozenset({name}))):
        row = _row(letter) | {"obstacle": obstacle(letter)}
        value = (letter.record.value or b"").decode("utf-8", "backslashreplace")
        headers = {n: body.decode("utf-8", "replace") for n, body in letter.record.headers}
        found = {**row, "sha256": letter.sha256, "headers": headers, "value": value}
        said = {**row, "sha256": letter.sha256, **headers}
        lines = [f"{n}: {'none' if text is None else text}" for n, text in said.items()]
        return Said(found, "\n".join([*lines, "", value]))
    return Said({"letter": name, "found": False}, f"there is no dead letter {name}", NO)


def requeue_letters(settings: Settings, wanted: Wanted, yes: bool) -> Said:
    """Send those wanted once more where that can help; without `yes` only say which.

    Status 1: there is none of them, or one that was named is not there or cannot be sent. Raises
    TooManyLettersError, PersonMissingError, RequeueInDoubtError.
    """
    if yes and not settings.user:
        raise PersonMissingError("SCRIP_USER is missing: who sends these letters again")
    letters = sorted(_wanted(settings, wanted), key=_order)
    fit = [letter for letter in letters if obstacle(letter) is None]
    refused = [(letter, said) for letter in letters if (said := obstacle(letter)) is not None]
    if len(fit) > REQUEUED_MAX:
        raise TooManyLettersError(f"{len(fit)} letters, {REQUEUED_MAX} at once: choose fewer")
    sent: list[Letter] = []
    before: list[Letter] = []
    left = fit
    if fit:
        engine = require_database(settings)
        if yes:
            who, now = str(settings.user), SystemClock().now()
            sent, before = requeue(require_log(settings), engine, fit, who, now)
        else:
            known = sent_before(engine, fit)
            before = [letter for letter in fit if letter.name in known]
            left = [letter for letter in fit if letter.name not in known]
    not_there = sorted(wanted.names - {letter.name for letter in letters})
    found = {
        "dry_run": not yes,
        "would_send": [] if yes else list(map(_row, left)),
        "sent": list(map(_row, sent)),
        "sent_before": list(map(_row, before)),
        "refused": [{**_row(letter), "why": why} for letter, why in refused[:SHOWN_MAX]],
        "refused_count": len(refused),
        "not_there": not_there,
    }
    unmet = not letters or any(letter.name in wanted.names for letter, _ in refused)
    text = _told(yes, left, sent, before, refused)
    if not_there:
        text += f"\nnot there, or not as chosen: {', '.join(not_there)}"
    return Said(found, text, NO if unmet or not_there else DONE)


def _told(
    yes: bool,
    fit: Sequence[Letter],
    sent: Sequence[Letter],
    before: Sequence[Letter],
    refused: Sequence[tuple[Letter, str]],
) -> str:
    lines = [f"{_line(_row(letter))}\n          not sent: {why}" for letter, why in refused[:20]]
    if len(refused) > 20:
        lines.append(f"… and {len(refused) - 20} more that are not sent (--json has them)")
    if yes:
        lines += [f"{_line(_row(letter))}\n          sent again" for letter in sent]
        lines.append(f"{len(sent)} sent, {len(before)} sent before, {len(refused)} not sent")
    else:
        lines += [f"{_line(_row(letter))}\n          would be sent again" for letter in fit]
        lines.append(
            f"dry run: {len(fit)} would be sent, {len(before)} were sent before, "
            f"{len(refused)} are not; nothing was (--yes sends)"
        )
        lines.append("a sender who was told `unreadable` may have asked again under another id")
    return "\n".join(lines)


def _wanted(settings: Settings, wanted: Wanted) -> list[Letter]:
    return [letter for letter in letters_of(require_log(settings)) if wanted.includes(letter)]


def _order(letter: Letter) -> tuple[int, int, int]:
    return letter.record.timestamp, letter.record.partition, letter.record.offset


def _row(letter: Letter) -> dict[str, Any]:
    return {
        "letter": letter.name,
        "key": letter.key,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "cause": letter.cause,
        "cause_class": letter.cause_class,
        "requeued": letter.requeued,
        "at": format_instant(letter.record.timestamp),
    }


def _line(row: dict[str, Any]) -> str:
    place = f"{row['topic']}/{row['partition']} offset {row['offset']}"
    return f"{row['letter']:>8}  {row['at']}  {place}  {row['cause']}"
