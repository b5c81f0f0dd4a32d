"""What `scrip cards` does and says: orders carried through, ranges asked for, cards printed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from schemas.terms import Policy
from schemas.topics import ISSUANCE_COMMANDS
from services.issuance.directory import Directory
from services.issuance.old_cards import read_old_cards
from services.issuance.operations import (
    Import,
    ImportRefusedError,
    Range,
    RangeDone,
    Turned,
    ask_range,
    plan_import,
)
from services.issuance.press import Press, PrintKey
from services.issuance.rekeyed.operations import PressRoom, RekeyDone, rekey_range
from services.issuance.runs import Batches, BatchRefusedError, Manifest, Order
from services.issuance.tables import BATCHES
from services.issuance.undone.operations import UndoDone, undo_range
from services.issuance.views import email, opened, pdf
from services.local.asking import tell
from services.local.installation import NotThereError
from services.local.keys import write_private
from services.runtime.cli import DONE, NO, Said, require_database, require_log
from services.runtime.clocks import SystemClock
from services.runtime.keyfiles import KeysRefusedError, key_of, read_peppers
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.runtime.post import Post
from services.runtime.settings import Settings, SettingsRefusedError, seals_of

SOURCE = "service/press"
SHOWN_MAX = 20
COUNT_MAX = 1 << 63


@dataclass(frozen=True, slots=True)
class Office:
    """The press with all it needs."""

    settings: Settings
    log: Log
    batches: Batches

    @property
    def directory(self) -> Directory:
        """Secrets by their digest."""
        return self.batches.directory

    def post(self, batch: str) -> Post:
        """Commands about a batch, sealed as the press; a second one of a batch fences the first."""
        seals = seals_of(self.settings)
        return Post(self.log, seals, SOURCE, SystemClock(), f"scrip-press-{batch}")

    def policy(self) -> Policy:
        """The policy in force. Raises BatchRefusedError where there is none."""
        policies = Policies(self.log.reader())
        policies.refresh()
        found = policies.in_force(SystemClock().now())
        if found is None:
            raise BatchRefusedError("there is no policy in force yet: scrip policy apply FILE")
        return found


@contextmanager
def office_of(settings: Settings) -> Iterator[Office]:
    """The press of an installation. Raises NotThereError and what the log raises."""
    key = settings.print_key.get_secret_value()
    if settings.peppers is None or not key:
        raise NotThereError(
            "SCRIP_PEPPERS and SCRIP_PRINT_KEY are missing: set them, or run `scrip up`"
        )
    try:
        peppers, print_key = read_peppers(settings.peppers), key_of("SCRIP_PRINT_KEY", key)
    except KeysRefusedError as cause:
        raise SettingsRefusedError(str(cause)) from cause
    log = require_log(settings)
    engine = require_database(settings)
    directory = Directory(engine, peppers)
    partitions = log.partitions(ISSUANCE_COMMANDS.name)
    press = Press(directory, partitions)
    batches = Batches(directory, press, PrintKey(print_key), partitions, tell)
    try:
        yield Office(settings, log, batches)
    finally:
        engine.dispose()


def prepare(settings: Settings, template: str | None, order: Mapping[str, Any]) -> Said:
    """Plan a batch and carry it through; the manifest."""
    wanted = Order(**order)
    with office_of(settings) as office:
        policy = office.policy()
        programme = policy.programme(wanted.programme)
        known = programme.templates if programme is not None else []
        if template is not None and template not in known:
            allowed = ", ".join(known) or "none (the programme's cards are digital)"
            raise BatchRefusedError(f"template {template}; allowed: {allowed}")
        office.batches.plan(wanted, policy, SystemClock().now())
        return _carried(office, wanted.batch)


def take_over(
    settings: Settings, file: Path, batch: str, programme: str, location: str | None
) -> Said:
    """Plan an import whole, or name every wrong row, and carry it through; the manifest."""
    now = SystemClock().now()
    cards, wrong = read_old_cards(file.read_text("utf-8", "replace"), now)
    with office_of(settings) as office:
        try:
            if wrong:
                raise ImportRefusedError(wrong)
            place = {"location": location} if location else {}
            wanted = Import(batch, programme, cards, place)
            partitions = office.batches.partitions
            plan_import(office.directory, partitions, wanted, office.policy(), now)
        except ImportRefusedError as refused:
            return _rows_refused(refused)
        return _carried(office, batch)


def show(settings: Settings, batch: str) -> Said:
    """A batch's manifest."""
    with office_of(settings) as office:
        return _shown(office.batches.manifest(batch))


def undo_import(
    settings: Settings, batch: str, first: int, last: int | None, unused_only: bool, again: str
) -> Said:
    """Take an import back, all of it by default, if all of it can be; or what of it is unused."""
    with office_of(settings) as office:
        to = last if last is not None else _batch(office, batch).cards
        wanted = Range(batch, first, to, "undo_import", {"batch": batch}, again)
        post = office.post(batch)
        try:
            return undo_done(undo_range(office.directory, post, wanted, unused_only, tell))
        finally:
            post.close()


def undo_done(done: UndoDone) -> Said:
    """Which cards are undone, and why the others are not; what may be asked for next."""
    lines = [f"undo_import: {len(done.undone)} undone, {len(done.refused)} cannot be"]
    if done.before:
        lines.append(f"  {len(done.before)} were undone before, nothing done now")
    if done.left:
        said = f"{done.left} others could be, and are left: with --unused-only they are undone"
        lines.append(f"  {said}")
    if done.repeated:
        said = f"{done.repeated} answered before, nothing done now"
        lines.append(f"  {said}: give --again WORD to ask anew")
    told = {"type": "undo_import", "undone": done.undone, "before": done.before, "left": done.left}
    return _ended({**told, "repeated": done.repeated}, lines, done)


def move(settings: Settings, wanted: Range) -> Said:
    """Ship or void a range."""
    with office_of(settings) as office:
        return _asked(office, wanted)


def activate(settings: Settings, wanted: Range, value: int | None) -> Said:
    """Sell a range, each card at one value; none: the batch's."""
    with office_of(settings) as office:
        plan = _batch(office, wanted.batch)
        minor = plan.value if value is None else value
        if minor is None:
            raise BatchRefusedError(f"the cards of batch {plan.batch} have no value: give --value")
        money = {"minor": minor, "currency": plan.currency}
        return _asked(office, replace(wanted, body={**wanted.body, "value": money}))


def rekey(settings: Settings, batch: str, first: int, last: int) -> Said:
    """New secrets for the Blank cards of a range; they are printed as all others are."""
    with office_of(settings) as office:
        made = office.batches
        press = Press(made.directory, made.partitions)
        room = PressRoom(made.directory, press, made.print_key, office.policy())
        post = office.post(batch)
        try:
            done = rekey_range(room, post, batch, first, last, tell)
        finally:
            post.close()
    return rekey_done(batch, done)


def rekey_done(batch: str, done: RekeyDone) -> Said:
    """Which cards have a new secret, which had it before, and why the others have none."""
    lines = [f"rekeyed: {len(done.rekeyed)} cards, {len(done.refused)} refused"]
    if done.before:
        lines.append(f"  {len(done.before)} have their new secret already, nothing done now")
    there = [*done.rekeyed, *done.before]
    if there:
        said = f"scrip cards print --batch {batch} --from {min(there)} --to {max(there)}"
        lines.append(f"  to print the new secrets: {said} --out FILE.pdf")
    return _ended({"type": "rekeyed", "rekeyed": done.rekeyed, "before": done.before}, lines, done)


def write_printed(settings: Settings, batch: str, first: int, last: int | None, out: Path) -> Said:
    """A PDF sheet, or one card as HTML and, beside it, text; for its owner's eyes only."""
    with office_of(settings) as office:
        to = last or (first if out.suffix == ".html" else _batch(office, batch).cards)
        key = office.batches.print_key
        sheet = opened(office.directory.engine, key, batch, first, to)
    match out.suffix:
        case ".pdf":
            files = {out: pdf(sheet)}
        case ".html" if len(sheet.cards) == 1:
            page, text = email(sheet)
            files = {out: page.encode(), out.with_suffix(".txt"): text.encode()}
        case _:
            raise BatchRefusedError(f"{out}; allowed: FILE.pdf, or FILE.html for one card")
    for path, content in files.items():
        write_private(path, content)
    names = [str(path) for path in files]
    return Said({"written": names, "cards": len(sheet.cards)}, "\n".join(names))


def range_done(wanted: Range, done: RangeDone) -> Said:
    """What became of a range; what was answered before is said apart, for nothing was done."""
    lines = [f"{wanted.type}: {done.accepted} accepted, {len(done.refused)} refused"]
    if done.repeated:
        said = f"{done.repeated} answered before, nothing done now"
        lines.append(f"  {said}: give --again WORD to ask anew")
    told = {"type": wanted.type, "accepted": done.accepted, "repeated": done.repeated}
    return _ended(told, lines, done)


def _ended(told: dict[str, Any], lines: list[str], done: Turned) -> Said:
    """What became of cards in number, and which were refused why."""
    refused = [{"number": number, "reason": reason} for number, reason in done.refused]
    found = {**told, "refused": refused, "reasons": done.reasons}
    return Said(found, "\n".join(lines + _named(done.refused)), NO if done.refused else DONE)


def _named(refused: Sequence[tuple[int, str]]) -> list[str]:
    lines = [f"  card {number}: {reason}" for number, reason in refused[:SHOWN_MAX]]
    more = len(refused) - len(lines)
    return [*lines, f"  … and {more} more"] if more else lines


def _batch(office: Office, batch: str) -> Any:
    with office.directory.engine.connect() as connection:
        found = connection.execute(select(BATCHES).where(BATCHES.c.batch == batch)).first()
    if found is None:
        raise BatchRefusedError(f"there is no batch {batch}")
    return found


def _carried(office: Office, batch: str) -> Said:
    post = office.post(batch)
    try:
        return _shown(office.batches.go_on(batch, post))
    finally:
        post.close()


def _asked(office: Office, wanted: Range) -> Said:
    post = office.post(wanted.batch)
    try:
        done = ask_range(office.directory, post, wanted, tell)
    finally:
        post.close()
    return range_done(wanted, done)


def _shown(manifest: Manifest) -> Said:
    # A digital template has more codes than JSON has numbers: as good as any number.
    room = {name: count if count < COUNT_MAX else None for name, count in manifest.left.items()}
    said = {**asdict(manifest), "left": room}
    lines = [f"{name:<12} {value}" for name, value in said.items() if name != "left"]
    lines += [f"left of {n}: {c if c is not None else 'no end'}" for n, c in room.items()]
    return Said(said, "\n".join(lines))


def _rows_refused(refused: ImportRefusedError) -> Said:
    found = [asdict(one) for one in refused.findings]
    lines = [str(one) for one in refused.findings]
    text = "\n".join([*lines, "nothing was taken over"])
    return Said({"findings": found}, text, NO)
