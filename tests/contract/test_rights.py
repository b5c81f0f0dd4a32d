"""The whole matrix of rights: every command, asked with every right there is, and with none."""

from types import ModuleType
from typing import Any, get_args

import pytest

from schemas import issuance, redemption
from schemas.codec import Broadcast, read_command
from schemas.decision import Refused
from schemas.message import Command, encode_command
from schemas.policy import Right
from schemas.policy_checks import PolicyRefusedError, read_policy
from schemas.sweeps import SWEEP
from schemas.terms import Policy, Terms
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS, Topic
from services.issuance import card
from services.redemption import balance
from services.reference.rights import matrix
from services.runtime.admission import Admission
from services.runtime.records import Record
from services.runtime.seals import SealsOff
from tests.contract.examples import examples

RIGHTS: tuple[Right, ...] = get_args(Right)
NOW = 1_777_644_000_000
# The contract's words, of which services' tables are held to be the same.
WANTED = {
    "issue": "prepare_cards ship_cards import_cards undo_import reserve_sale confirm_sale "
    "cancel_sale sell_card load_value issue_credit",
    "redeem": "place_hold increase_hold capture_hold release_hold redeem",
    "refund": "refund_capture reserve_return confirm_return cancel_return",
    "adjust": "adjust_balance cash_out transfer_balance extend_validity expire_credit "
    "charge_back_sale",
    "cancel": "cancel_card restore_card cancel_account",
    "freeze": "freeze_account unfreeze_account",
    "enquire": "enquire",
}
OF_COMMAND = {command: right for right, names in WANTED.items() for command in names.split()}
OWNERS: dict[str, tuple[Topic, ModuleType]] = {
    "issuance": (ISSUANCE_COMMANDS, card),
    "redemption": (REDEMPTION_COMMANDS, balance),
}
ASKED = [(owner, command) for owner, rights in matrix().items() for command in rights]


def policy(*may: str) -> Policy:
    """One channel that may do so much, and one that may do nothing."""
    document = {
        "network": {"currency": "USD", "parent": "HQ"},
        "entities": {"HQ": {}},
        "locations": {f"F{n}": {"entity": "HQ"} for n in range(1, 5)},
        "channels": {"mine": {"may": list(may)}, "other": {"may": []}},
        "programmes": {
            "gift": {"kind": "card", "currency": "USD"},
            "credit": {"kind": "credit", "currency": "USD"},
        },
        "memberships": {"gold": {"programme": "credit", "amount": 2500}},
    }
    return Policy(1, 0, read_policy(document))


def asked(owner: str, command: str, source: str, **place: str) -> Command:
    """The golden example of a command, as this source would send it."""
    topic, _ = OWNERS[owner]
    found = next(one for one in examples(topic) if one.type == f"{command}.v1")
    data: dict[str, Any] = {**found.message["data"], "place": place}
    subject = found.message["subject"]
    value = encode_command(
        id="x1", type=command, source=source, subject=subject, time=NOW, body=data
    )
    read = read_command(owner, value)  # type: ignore[arg-type]
    assert isinstance(read, Command), read
    return read


def reason(owner: str, command: Command, under: Policy) -> str | None:
    """Why it is refused where nothing is known of its subject."""
    _, core = OWNERS[owner]
    decision = core.decide({}, command, Terms(NOW, under))
    return decision.reason.value if isinstance(decision, Refused) else None


def test_the_tables_of_rights_are_those_of_the_contract_and_name_every_command() -> None:
    found = {command: right for rights in matrix().values() for command, right in rights.items()}
    assert found == OF_COMMAND
    for owner, commands, internal in (
        ("issuance", issuance.COMMANDS, issuance.INTERNAL_COMMANDS),
        ("redemption", redemption.COMMANDS, redemption.INTERNAL_COMMANDS),
    ):
        assert set(matrix()[owner]) == set(commands) - set(internal)


@pytest.mark.parametrize(("owner", "command"), ASKED, ids=[f"{o}-{c}" for o, c in ASKED])
def test_a_command_needs_its_right_and_no_other(owner: str, command: str) -> None:
    needed = OF_COMMAND[command]
    by_channel = asked(owner, command, "channel/mine", channel="mine")
    for right in RIGHTS:
        barred = reason(owner, by_channel, policy(right)) == "not_permitted"
        assert barred == (right != needed), right
    every_other = [right for right in RIGHTS if right not in (needed, "settle", "release")]
    assert reason(owner, by_channel, policy(*every_other)) == "not_permitted"
    everything = policy(*every_other, needed)
    assert reason(owner, by_channel, everything) != "not_permitted"
    assert reason(owner, asked(owner, command, "channel/other"), everything) == "not_permitted"
    assert reason(owner, asked(owner, command, "channel/nobody"), everything) == "not_permitted"
    claimed = asked(owner, command, "channel/mine", channel="other")
    assert reason(owner, claimed, everything) == "not_permitted"
    assert reason(owner, asked(owner, command, "service/desk"), policy()) != "not_permitted"


INTERNAL = [
    *(("issuance", name) for name in sorted(issuance.INTERNAL_COMMANDS | {SWEEP})),
    *(("redemption", name) for name in sorted(redemption.INTERNAL_COMMANDS | {SWEEP})),
]


@pytest.mark.parametrize(("owner", "command"), INTERNAL, ids=[f"{o}-{c}" for o, c in INTERNAL])
def test_an_internal_command_of_a_channel_is_a_dead_letter(owner: str, command: str) -> None:
    topic, core = OWNERS[owner]
    found = next(one for one in examples(topic) if one.type == f"{command}.v1").message
    subjects = getattr(core, "subjects", lambda known: (known.subject,))
    admission = Admission(owner, SealsOff(), 1, subjects)  # type: ignore[arg-type]
    for source, barred in (("channel/mine", True), ("service/desk", False)):
        value = encode_command(
            id="x1",
            type=command,
            source=source,
            subject=found["subject"],
            time=NOW,
            body=found["data"],
        )
        record = Record(topic.name, 0, 0, NOW, found["subject"].encode(), value)
        message = read_command(owner, value)  # type: ignore[arg-type]
        assert not isinstance(message, Broadcast)
        turned = admission.turned_away(record, message)
        assert (turned or "").startswith("not_permitted") == barred


@pytest.mark.parametrize("held", [("adjust", "settle"), ("settle", "release")])
def test_nobody_holds_two_duties_that_are_kept_apart(held: tuple[str, str]) -> None:
    document = policy().document.model_dump(mode="json", by_alias=True, exclude_none=True)
    for one in ("people", "channels"):
        may: Any = list(held) if one == "people" else {"may": list(held)}
        with pytest.raises(PolicyRefusedError, match=f"{one}.eve"):
            read_policy({**document, one: {"eve": may}})
