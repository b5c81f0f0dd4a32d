"""Names that outside programs rely on: topics, commands, facts, refusals. Never renamed."""

from schemas import issuance, ledger, redemption, redemption_facts, settlement
from schemas.message import CommandModel
from schemas.refusals import PRECEDENCE, Reason, first
from schemas.topics import COMMAND_TOPICS, TOPICS

PUBLIC_TOPICS = {
    "scrip.issuance.commands.v1": ("card", "forever"),
    "scrip.issuance.events.v1": ("card", "forever"),
    "scrip.redemption.commands.v1": ("account", "forever"),
    "scrip.redemption.events.v1": ("account", "forever"),
    "scrip.redemption.balances.v1": ("account", "compacted"),
    "scrip.issuance.replies.v1": ("command's replyto", "1 day"),
    "scrip.redemption.replies.v1": ("command's replyto", "1 day"),
    "scrip.ledger.journals.v1": ("account, run or operation", "forever"),
    "scrip.ledger.operations.v1": ("operation", "forever"),
    "scrip.settlement.items.v1": ("account", "forever"),
    "scrip.settlement.batches.v1": ("run", "forever"),
    "scrip.policy.v1": ("policy", "forever"),
    "scrip.deadletters.v1": ("original key", "90 days"),
}
TO_ISSUANCE = {
    "prepare_cards": "programme batch cards",
    "ship_cards": "to reason",
    "reserve_sale": "value tender price",
    "sell_card": "value tender price",
    "import_cards": "programme batch cards value sold_at expires_at",
    "undo_import": "",
    "confirm_sale": "sale",
    "cancel_sale": "sale",
    "enquire": "",
    "cancel_card": "reason",
    "restore_card": "reason",
    "lapse_sale": "",
    "restock": "life",
    "rekeyed": "last4",
    "close_undo": "undo",
}
TO_REDEMPTION = {
    "issue_credit": "owner amount origin membership assignment note",
    "load_value": "amount origin tender price expires_at note",
    "enquire": "",
    "place_hold": "amount allow_partial ttl_seconds order",
    "increase_hold": "hold amount",
    "capture_hold": "hold amount lines final",
    "release_hold": "hold",
    "redeem": "amount allow_partial lines order",
    "refund_capture": "capture amount lines to reason",
    "reserve_return": "reason",
    "confirm_return": "return",
    "cancel_return": "return",
    "adjust_balance": "minor reason note approved_by",
    "freeze_account": "reason case",
    "unfreeze_account": "reason case",
    "extend_validity": "expires_at reason approved_by",
    "cash_out": "",
    "expire_credit": "amount reason",
    "charge_back_sale": "sale",
    "transfer_balance": "to reason",
    "cancel_account": "reason",
    "activate": "programme life lots fixed place tender sale",
    "receive_value": "from cause lots",
    "follow_charge_back": "card sale",
    "lapse_hold": "",
    "lapse_return": "",
    "expire_lots": "",
    "escheat_lots": "",
    "take_back_import": "undo sale",
}
INTERNAL = {
    "lapse_sale", "restock", "rekeyed", "activate", "receive_value", "lapse_hold", "lapse_return",
    "expire_lots", "escheat_lots", "take_back_import", "close_undo", "follow_charge_back",
}  # fmt: skip
FACTS = """
cards_prepared cards_shipped sale_reserved cards_imported import_undone card_sold sale_cancelled
card_cancelled card_restored sale_lapsed issuance_refused
credit_issued value_loaded hold_placed hold_increased hold_captured hold_released capture_refunded
return_reserved card_returned return_cancelled balance_adjusted account_frozen account_unfrozen
validity_extended cashed_out lots_expired sale_charged_back value_sent value_received
account_cancelled return_lapsed hold_lapsed value_escheated redemption_refused
item_accrued run_approved run_cancelled file_built file_transmitted run_settled run_closed
entry_returned entry_corrected breakage_recognized period_closed
""".split()
REFUSALS = """
unreadable id_reused too_old too_early not_permitted unknown_programme unknown_account unknown_card
unknown_hold unknown_capture unknown_sale unknown_return wrong_currency amount_not_positive
already_prepared template_full not_cancelled not_prepared not_active account_cancelled
account_frozen account_expired already_used hold_already_open hold_lapsed hold_closed
return_window_closed not_unused location_not_allowed denomination_not_offered limit_exceeded
amount_exceeds_hold amount_exceeds_capture lines_do_not_add_up insufficient_funds would_be_negative
balance_not_zero approval_required cash_out_not_allowed already_issued
""".split()


def test_the_topics_are_those_of_the_contract_and_memories_are_internal() -> None:
    public = {topic.name: (topic.key, topic.retention) for topic in TOPICS if topic.public}
    assert public == PUBLIC_TOPICS
    internal = [topic for topic in TOPICS if not topic.public]
    assert all(topic.name.endswith(".memory.v1") for topic in internal)
    assert all(topic.retention == "compacted" for topic in internal)


def test_only_command_topics_are_stamped_by_the_broker() -> None:
    assert {topic for topic in TOPICS if topic.append_time} == set(COMMAND_TOPICS)


def test_a_namespace_leads_every_name() -> None:
    assert TOPICS[0].named("") == TOPICS[0].name
    assert TOPICS[0].named("blue") == "blue." + TOPICS[0].name


def fields(model: type[CommandModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_command_and_each_of_its_fields_is_known() -> None:
    for wanted, known in (
        (TO_ISSUANCE, issuance.COMMANDS),
        (TO_REDEMPTION, redemption.COMMANDS),
    ):
        assert set(wanted) == set(known)
        for name, needed in wanted.items():
            assert {*needed.split(), "place"} <= fields(known[name]), name


def test_what_services_send_one_another_is_internal() -> None:
    assert issuance.INTERNAL_COMMANDS | redemption.INTERNAL_COMMANDS == INTERNAL


def test_every_fact_type_is_known() -> None:
    known = [issuance.FACTS, redemption_facts.FACTS, ledger.FACTS, settlement.FACTS]
    assert {f"{name}.v1" for name in FACTS} <= {name for facts in known for name in facts}


def test_refusals_stand_in_their_order_of_precedence() -> None:
    assert [reason.value for reason in Reason] == REFUSALS
    assert sorted(Reason, key=PRECEDENCE.__getitem__) == list(Reason)


def test_of_several_reasons_the_first_one_counts() -> None:
    later, sooner = Reason.INSUFFICIENT_FUNDS, Reason.ACCOUNT_FROZEN
    assert first([later, sooner]) is sooner
    assert first([]) is None
