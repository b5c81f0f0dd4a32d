"""Who is answered, with what, and which answers are kept so that they can be given again."""

from typing import Any

from schemas.codec import Unreadable, content_of
from schemas.decision import Accepted, Belated, Decision
from schemas.message import Command
from schemas.refusals import Reason
from schemas.reply import Reply, encode_reply, repeated_answer
from schemas.topics import Topic
from services.runtime.answers import (
    ANSWER_KEPT,
    ANSWER_KEPT_UNKNOWN,
    answer_key,
    answer_parts,
    answer_until,
    pending,
    write_answer,
    write_pending,
)
from services.runtime.replies import belated_reply, reply_of
from services.runtime.staging import Staging

UNKNOWN = frozenset({Reason.UNKNOWN_ACCOUNT, Reason.UNKNOWN_CARD})


class Answering:
    """Writes the replies of one deciding service and the rows of its answers."""

    def __init__(self, replies: Topic, source: str) -> None:
        self._replies = replies
        self._source = source

    def turned_away(self, staging: Staging, message: Any, cause: str) -> None:
        """Whoever has proven who he is and can be answered is answered; nothing is remembered."""
        said = cause.startswith(Reason.NOT_PERMITTED)
        reason = Reason.NOT_PERMITTED if said else Reason.UNREADABLE
        detail = message.cause if isinstance(message, Unreadable) else cause
        reply = Reply(command=message.id, outcome="refused", reason=reason, detail=detail)
        value = self._encode(staging, reply, message.subject, message.correlationid)
        staging.out(self._replies, message.replyto, value)

    def repeated(self, staging: Staging, command: Command) -> bool:
        """Was this command answered before? Then it is answered the same, and that is all."""
        known = staging.raw(answer_key(command.subject, command.id))
        if known is None or answer_until(known) <= staging.progress.now:
            return False
        if command.replyto is not None:
            self._again(staging, command, command.replyto, known)
        return True

    def _again(self, staging: Staging, command: Command, replyto: str, known: bytes) -> None:
        content = content_of(command)
        first_content, first_reply = answer_parts(known)
        if first_content == content:
            asked = pending(first_reply)
            if asked is None:
                staging.out(self._replies, replyto, repeated_answer(first_reply))
                return
            waiting = write_pending([*asked, [replyto, command.correlationid]])
            row = write_answer(answer_until(known), content, waiting)
            staging.change({answer_key(command.subject, command.id): row})
            return
        reply = Reply(
            command=command.id,
            outcome="refused",
            reason=Reason.ID_REUSED.value,
            detail="this id was used before with another type, subject or data",
        )
        value = self._encode(staging, reply, command.subject, command.correlationid)
        staging.out(self._replies, replyto, value)

    def first(
        self, staging: Staging, command: Command, decision: Decision, types: tuple[str, ...]
    ) -> None:
        """The first answer to a command, which led to facts of these types."""
        content = content_of(command)
        if isinstance(decision, Accepted) and decision.later:
            asked = [[command.replyto, command.correlationid]] if command.replyto else []
            row = write_answer(staging.progress.now + ANSWER_KEPT, content, write_pending(asked))
            staging.change({answer_key(command.subject, command.id): row})
            return
        forgotten = isinstance(decision, Accepted) and not decision.remember
        if forgotten and command.replyto is None:
            return  # a sweep: nobody asked, and nobody asks again
        reply = reply_of(command, decision, types)
        value = self._encode(staging, reply, command.subject, command.correlationid)
        if command.replyto is not None:
            staging.out(self._replies, command.replyto, value)
        kept = ANSWER_KEPT
        if isinstance(decision, Accepted):
            if not decision.remember:
                return
        elif decision.fact is None:
            return
        elif decision.reason in UNKNOWN:
            kept = ANSWER_KEPT_UNKNOWN
        row = write_answer(staging.progress.now + kept, content, value)
        staging.answer(answer_key(command.subject, command.id), row)

    def belated(
        self, staging: Staging, command: Command, belated: Belated, types: tuple[str, ...]
    ) -> None:
        """Answer everybody who waits for it, and remember it as any other answer."""
        key = answer_key(command.subject, command.id)
        known = staging.raw(key)
        if known is None:
            return
        content, waiting = answer_parts(known)
        asked = pending(waiting)
        if asked is None:
            return
        reply = belated_reply(command, belated, types)
        first = self._encode(staging, reply, command.subject, asked[0][1] if asked else None)
        for number, (replyto, _) in enumerate(asked):
            staging.out(self._replies, replyto, repeated_answer(first) if number else first)
        row = write_answer(staging.progress.now + ANSWER_KEPT, content, first)
        staging.change({key: row})

    def _encode(
        self, staging: Staging, reply: Reply, subject: str, correlationid: str | None
    ) -> bytes:
        return encode_reply(
            reply,
            subject=subject,
            source=self._source,
            time=staging.progress.now,
            correlationid=correlationid,
        )
