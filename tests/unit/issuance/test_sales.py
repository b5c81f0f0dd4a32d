"""The two phases of a sale, as the contract tells them."""

from schemas.codec import read_command
from schemas.decision import Due, Refused
from schemas.instants import DAY, MINUTE, parse_instant
from schemas.message import Command, Fact, encode_command
from schemas.redemption import Activate
from schemas.topics import REDEMPTION_COMMANDS
from schemas.value import Fixed, Lot
from services.issuance import card
from tests.unit.issuance.sample import AT_F1, START, Stock, reason, told, usd


def sale(value: int = 2500, **more: object) -> dict[str, object]:
    return {"value": usd(value), "tender": "cash", "place": AT_F1, **more}


def test_a_reserved_sale_waits_thirty_minutes_and_posts_nothing() -> None:
    stock = Stock().prepared("c1")
    fact = told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1").facts[0]
    assert fact.body.due_at == START + 30 * MINUTE
    assert fact.entities == ("E1",)
    assert stock.state() == "Activating"
    assert card.dues("c1", stock.rows["c1"]) == (
        Due(START + 30 * MINUTE, "lapse_sale", "c1", {"sale": "s1"}),
    )
    assert card.forward(stock.facts[-1]) == ()


def test_a_confirmed_sale_hands_one_lot_to_redemption() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale(10_000, price=usd(9_000))), "sale_reserved.v1")
    stock.now += MINUTE
    fact = told(stock.ask("confirm_sale", sale="s1"), "card_sold.v1").facts[0].body
    [lot] = fact.lots
    assert (lot.minor, lot.funded, lot.face_start, lot.funded_start) == (10_000, 9_000) * 2
    assert (lot.origin, lot.location, lot.entity, lot.jurisdiction) == (
        "paid",
        "F1",
        "E1",
        "US-NY",
    )
    assert lot.cohort == "2026-05"
    assert lot.expires_at == fact.fixed.expires_at == stock.now + 30 * DAY
    assert stock.state() == "Activated"
    assert card.dues("c1", stock.rows["c1"]) == ()


def test_the_hand_over_is_one_activate_that_redemption_can_read() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("sell_card", id="s1", **sale()), "card_sold.v1")
    [outgoing] = card.forward(stock.facts[-1])
    assert (outgoing.type, outgoing.subject) == ("activate", "c1")
    assert outgoing.body["sale"] == "s1"
    assert outgoing.body["place"] == AT_F1
    assert card.forward(stock.facts[-1])[0].id == outgoing.id
    value = encode_command(
        id=outgoing.id,
        type=outgoing.type,
        source="service/issuance",
        subject=outgoing.subject,
        time=stock.now,
        body=outgoing.body,
    )
    read = read_command("redemption", value)
    assert isinstance(read, Command), read
    assert isinstance(read.body, Activate)
    [lot] = read.body.lots
    assert Lot(**lot) == stock.facts[-1].body.lots[0]
    assert Fixed(**read.body.fixed) == stock.facts[-1].body.fixed
    assert outgoing.topic == REDEMPTION_COMMANDS.name


def test_the_month_of_sale_is_the_networks_not_greenwichs() -> None:
    stock = Stock().prepared("c1")
    stock.now = parse_instant("2026-06-01T01:00:00Z")
    fact = told(stock.ask("sell_card", **sale()), "card_sold.v1").facts[0]
    assert fact.body.lots[0].cohort == "2026-05"


def test_the_law_keeps_value_alive_longer_than_the_programme_would() -> None:
    stock = Stock().prepared("c1")
    at_f2 = {"place": {"location": "F2"}}
    fact = told(stock.ask("sell_card", **sale() | at_f2), "card_sold.v1").facts[0]
    assert fact.body.lots[0].expires_at == parse_instant("2031-05-01T10:00:00-04:00")


def test_a_promotional_card_owes_its_face_and_the_books_owe_nothing() -> None:
    stock = Stock().prepared("c1")
    fact = told(stock.ask("sell_card", **sale(2500) | {"tender": "promo"}), "card_sold.v1").facts[0]
    [lot] = fact.body.lots
    assert (lot.origin, lot.minor, lot.funded, fact.body.price_minor) == ("promo", 2500, 0, 0)


def test_a_replacement_is_sold_at_nothing_and_waits_for_its_value() -> None:
    stock = Stock().prepared("c1", "c2")
    replaced = sale(0) | {"tender": "replacement"}
    fact = told(stock.ask("sell_card", **replaced), "card_sold.v1").facts[0]
    assert fact.body.lots == []
    at_a_price = sale(2500) | {"tender": "replacement"}
    assert reason(stock.ask("sell_card", "c2", **at_a_price)) == "denomination_not_offered"


def test_a_cancelled_sale_gives_the_card_back_however_often_it_is_cancelled() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    told(stock.ask("cancel_sale", sale="s1"), "sale_cancelled.v1")
    told(stock.ask("cancel_sale", sale="s1"))
    assert stock.state() == "Prepared"
    assert reason(stock.ask("confirm_sale", sale="s1")) == "not_prepared"


def test_a_cancel_that_overtakes_its_reserve_leaves_a_tombstone() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("cancel_sale", sale="s1"), "sale_cancelled.v1")
    assert stock.facts[-1].body.unseen
    assert stock.state() == "Prepared"
    assert reason(stock.ask("reserve_sale", id="s1", **sale())) == "not_prepared"
    told(stock.ask("reserve_sale", id="s2", **sale()), "sale_reserved.v1")


def test_a_tombstone_of_another_sale_leaves_an_open_sale_alone() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    told(stock.ask("cancel_sale", sale="s0"), "sale_cancelled.v1")
    told(stock.ask("confirm_sale", sale="s1"), "card_sold.v1")


def test_a_tombstone_is_forgotten_when_no_late_reserve_could_be_accepted_any_more() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("cancel_sale", sale="s1"), "sale_cancelled.v1")
    key = card.sale_key("c1", "s1")
    assert card.forgotten_at(key, stock.rows[key]) == START + 37 * DAY
    assert card.forgotten_at("c1", stock.rows["c1"]) is None


def test_a_second_confirm_is_accepted_and_changes_nothing() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("sell_card", id="s1", **sale()), "card_sold.v1")
    told(stock.ask("confirm_sale", sale="s1"))


def test_a_confirmed_sale_cannot_be_cancelled() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("sell_card", id="s1", **sale()), "card_sold.v1")
    assert reason(stock.ask("cancel_sale", sale="s1")) == "not_prepared"


def test_a_sale_never_seen_is_unknown() -> None:
    stock = Stock().prepared("c1")
    assert reason(stock.ask("confirm_sale", sale="s9")) == "unknown_sale"


def test_a_sale_lapses_at_its_instant_and_not_before() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    stock.now += 30 * MINUTE - 1
    early = told(stock.ask("lapse_sale", source="service/issuance", sale="s1"))
    assert not early.remember
    stock.now += 1
    told(stock.ask("lapse_sale", source="service/issuance", sale="s1"), "sale_lapsed.v1")
    assert stock.state() == "Prepared"
    assert reason(stock.ask("confirm_sale", sale="s1")) == "not_prepared"


def test_a_confirm_after_the_end_is_late_whether_or_not_the_sweeper_came() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    stock.now += 30 * MINUTE
    assert reason(stock.ask("confirm_sale", sale="s1")) == "not_prepared"


def test_a_card_whose_sale_has_run_out_can_be_sold_again_before_the_sweeper_comes() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    stock.now += 30 * MINUTE
    told(stock.ask("reserve_sale", id="s2", **sale()), "sale_lapsed.v1", "sale_reserved.v1")
    assert stock.rows["c1"].pending.sale == "s2"
    told(stock.ask("lapse_sale", source="service/issuance", sale="s1"))
    assert stock.state() == "Activating"


def test_a_card_in_a_sale_cannot_be_sold_twice() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    assert reason(stock.ask("sell_card", id="s2", **sale())) == "not_prepared"


def test_each_reason_not_to_sell_is_given_by_its_name() -> None:
    stock = Stock().prepared("c1", "c2").prepared("c3", programme="local")
    elsewhere = {"value": {"minor": 2500, "currency": "CAD"}}
    cases: list[tuple[str, str, str, dict[str, object]]] = [
        ("not_permitted", "c1", "channel/web", sale(place={"location": "F1"})),
        ("not_permitted", "c1", "channel/pos", sale(place={"channel": "office"})),
        ("location_not_allowed", "c1", "channel/kiosk", sale(place={"location": "F1"})),
        ("not_permitted", "c1", "channel/nobody", sale(place={"location": "F1"})),
        ("unknown_card", "c9", "channel/pos", sale()),
        ("wrong_currency", "c1", "channel/pos", sale() | elsewhere),
        ("amount_not_positive", "c1", "channel/pos", sale(0)),
        ("amount_not_positive", "c1", "channel/pos", sale(-5)),
        ("location_not_allowed", "c3", "channel/pos", sale()),
        ("location_not_allowed", "c1", "channel/pos", sale(place={"location": "F9"})),
        ("denomination_not_offered", "c1", "channel/pos", sale(499)),
        ("denomination_not_offered", "c1", "channel/pos", sale(2500, price=usd(2501))),
        ("limit_exceeded", "c1", "channel/pos", sale(150_001)),
    ]
    for expected, name, source, body in cases:
        decision = stock.ask("sell_card", name, source=source, **body)
        assert reason(decision) == expected, (expected, body)
        assert isinstance(decision, Refused)
        assert decision.fact is not None
        assert decision.fact.body.reason == expected


def test_of_several_reasons_the_first_by_precedence_counts() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("sell_card", id="s1", **sale()), "card_sold.v1")
    wrong = {
        "value": {"minor": -1, "currency": "CAD"},
        "tender": "cash",
        "place": {"location": "F9"},
    }
    assert reason(stock.ask("sell_card", source="channel/web", **wrong)) == "not_permitted"
    assert reason(stock.ask("sell_card", **wrong)) == "wrong_currency"
    wrong["value"] = usd(-1)
    assert reason(stock.ask("sell_card", **wrong)) == "amount_not_positive"
    wrong["value"] = usd(100)
    assert reason(stock.ask("sell_card", **wrong)) == "not_prepared"


def test_a_programme_that_policy_has_dropped_is_unknown() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    stock.policy = Stock(programmes={"credit": {"kind": "credit", "currency": "USD"}}).policy
    assert reason(stock.ask("confirm_sale", sale="s1")) == "unknown_programme"
    told(stock.ask("cancel_sale", sale="s1"), "sale_cancelled.v1")


def test_the_rows_are_what_the_facts_say_and_nothing_else() -> None:
    stock = Stock().prepared("c1", "c2")
    told(stock.ask("reserve_sale", id="s1", **sale()), "sale_reserved.v1")
    told(stock.ask("confirm_sale", sale="s1"), "card_sold.v1")
    told(stock.ask("cancel_sale", "c2", sale="s7"), "sale_cancelled.v1")
    again = Stock()
    for fact in stock.facts:
        again.tell(Fact(**{name: getattr(fact, name) for name in Fact.__slots__}))
    assert again.rows == stock.rows
