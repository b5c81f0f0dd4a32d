"""Cards that come in, move, are cancelled, and come back."""

from schemas.decision import Accepted, Refused
from services.issuance import card
from tests.unit.issuance.sample import AT_F1, Stock, reason, told, usd

ENTRIES = [{"card": "c1", "last4": "1111"}, {"card": "c2", "last4": "2222"}]
SALE = {"value": usd(2500), "tender": "cash", "place": AT_F1}


def test_a_batch_is_one_fact_per_card_each_of_its_own_card() -> None:
    stock = Stock()
    decision = stock.ask("prepare_cards", "c1", programme="gift", batch="b", cards=ENTRIES)
    facts = told(decision, "cards_prepared.v1", "cards_prepared.v1").facts
    assert [fact.subject for fact in facts] == ["c1", "c2"]
    assert stock.state("c2") == "Prepared"


def test_a_batch_names_every_card_it_is_about_so_that_each_can_be_found_on_its_partition() -> None:
    stock = Stock()
    body = {"programme": "gift", "batch": "b", "cards": ENTRIES}
    command = stock.read("prepare_cards", "c1", "channel/pos", "p1", body)
    assert set(card.subjects(command)) == {"c1", "c2"}
    assert set(card.subjects(stock.read("enquire", "c1", "channel/pos", "e", {}))) == {"c1"}


def test_a_batch_with_a_known_card_is_refused_as_a_whole() -> None:
    stock = Stock().prepared("c2")
    decision = stock.ask("prepare_cards", "c1", programme="gift", batch="b", cards=ENTRIES)
    assert reason(decision) == "already_prepared"
    assert "c1" not in stock.rows


def test_a_batch_that_names_a_card_twice_is_refused() -> None:
    twice = [ENTRIES[0], ENTRIES[0]]
    decision = Stock().ask("prepare_cards", "c1", programme="gift", batch="b", cards=twice)
    assert reason(decision) == "already_prepared"


def test_a_template_makes_no_more_cards_than_it_has_room_for() -> None:
    stock = Stock().prepared("c1", "c2")
    more = [{"card": f"d{n}", "last4": "3333"} for n in range(2)]
    decision = stock.ask("prepare_cards", "d0", programme="gift", batch="b", cards=more)
    assert reason(decision) == "template_full"
    stock.prepared("d0")
    decision = stock.ask("prepare_cards", "d1", programme="gift", batch="b", cards=more[1:])
    assert reason(decision) == "template_full"


def test_a_batch_whose_sender_has_made_more_than_fits_is_refused_wherever_its_cards_lie() -> None:
    stock = Stock()
    body = {"programme": "gift", "batch": "b", "cards": ENTRIES}
    count = len(ENTRIES)
    over = {"made": {"plastic": 3 + 1}}
    assert reason(stock.ask("prepare_cards", "c1", **body, **over)) == "template_full"
    fits = {"made": {"plastic": max(3, count)}}
    told(stock.ask("prepare_cards", "c1", **body, **fits), *["cards_prepared.v1"] * count)


def test_a_batch_of_no_card_programme_is_refused() -> None:
    for programme in ("credit", "unheard"):
        decision = Stock().ask("prepare_cards", "c1", programme=programme, batch="b", cards=ENTRIES)
        assert reason(decision) == "unknown_programme"


def test_a_card_prepared_for_one_value_is_sold_at_that_value_only() -> None:
    stock = Stock()
    entry = {"card": "c1", "last4": "1111", "value": usd(5000)}
    body = {"programme": "gift", "batch": "b", "cards": [entry]}
    told(stock.ask("prepare_cards", "c1", **body), "cards_prepared.v1")
    assert reason(stock.ask("sell_card", **SALE)) == "denomination_not_offered"
    told(stock.ask("sell_card", **SALE | {"value": usd(5000)}), "card_sold.v1")


def test_shipping_changes_where_a_card_is_and_not_what_it_is() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("ship_cards", to="F2"), "cards_shipped.v1")
    assert (stock.rows["c1"].location, stock.state()) == ("F2", "Prepared")
    assert reason(stock.ask("ship_cards", to="F9")) == "location_not_allowed"


def test_a_cancelled_card_is_not_sold_until_it_is_restored() -> None:
    stock = Stock().prepared("c1")
    office = "channel/office"
    told(stock.ask("cancel_card", source=office, reason="bent"), "card_cancelled.v1")
    assert reason(stock.ask("sell_card", **SALE)) == "not_prepared"
    assert reason(stock.ask("cancel_card", source=office, reason="again")) == "not_prepared"
    told(stock.ask("restore_card", source=office, reason="found"), "card_restored.v1")
    assert reason(stock.ask("restore_card", source=office, reason="again")) == "not_cancelled"
    told(stock.ask("sell_card", **SALE), "card_sold.v1")


def test_cancelling_needs_the_right_to_cancel() -> None:
    stock = Stock().prepared("c1")
    assert reason(stock.ask("cancel_card", source="channel/pos", reason="x")) == "not_permitted"


def test_a_returned_card_is_blank_until_it_has_a_new_secret_and_lives_once_more() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("sell_card", id="s1", **SALE), "card_sold.v1")
    told(stock.ask("restock", source="service/redemption", life=1), "card_restocked.v1")
    assert (stock.state(), stock.rows["c1"].life) == ("Blank", 2)
    assert reason(stock.ask("sell_card", **SALE)) == "not_prepared"
    told(stock.ask("rekeyed", source="service/press", last4="9876"), "card_rekeyed.v1")
    assert (stock.state(), stock.rows["c1"].last4) == ("Prepared", "9876")
    fact = told(stock.ask("sell_card", id="s2", **SALE), "card_sold.v1").facts[0]
    assert (fact.body.life, fact.body.lots[0].life) == (2, 2)


def test_a_new_secret_takes_room_in_its_template() -> None:
    stock = Stock().prepared("c1", "c2")
    told(stock.ask("sell_card", id="s1", **SALE), "card_sold.v1")
    told(stock.ask("restock", source="service/redemption", life=1), "card_restocked.v1")
    told(stock.ask("rekeyed", source="service/press", last4="9876"), "card_rekeyed.v1")
    one = [{"card": "d1", "last4": "3333"}]
    decision = stock.ask("prepare_cards", "d1", programme="gift", batch="b", cards=one)
    assert reason(decision) == "template_full"


def test_restock_and_rekeyed_are_never_refused_and_count_once() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("restock", source="service/redemption", life=1))
    told(stock.ask("rekeyed", source="service/press", last4="9876"))
    told(stock.ask("restock", "c9", source="service/redemption", life=1))
    told(stock.ask("sell_card", id="s1", **SALE), "card_sold.v1")
    told(stock.ask("restock", source="service/redemption", life=1), "card_restocked.v1")
    told(stock.ask("restock", source="service/redemption", life=1))


def test_an_imported_card_goes_live_with_the_value_and_the_day_it_had() -> None:
    stock = Stock()
    decision = stock.ask(
        "import_cards",
        "c1",
        programme="gift",
        batch="old",
        cards=[ENTRIES[0], {**ENTRIES[1], "value": usd(700)}],
        value=usd(1200),
        sold_at="2026-04-01T03:00:00Z",
        expires_at="2027-01-01T00:00:00Z",
    )
    facts = told(decision, "cards_imported.v1", "cards_imported.v1").facts
    lots = [fact.body.lots[0] for fact in facts]
    assert [(lot.minor, lot.funded, lot.origin, lot.cohort) for lot in lots] == [
        (1200, 1200, "import", "2026-03"),
        (700, 700, "import", "2026-03"),
    ]
    assert lots[0].lot != lots[1].lot
    [outgoing] = card.forward(stock.facts[-1])
    assert (outgoing.subject, outgoing.body["imported"]) == ("c2", True)


def test_an_import_without_a_value_is_refused() -> None:
    body = {
        "programme": "gift",
        "batch": "old",
        "cards": ENTRIES,
        "sold_at": "2026-04-01T03:00:00Z",
    }
    assert reason(Stock().ask("import_cards", "c1", **body)) == "amount_not_positive"


def test_an_enquiry_shows_stock_and_leaves_no_trace() -> None:
    stock = Stock().prepared("c1")
    decision = stock.ask("enquire")
    assert isinstance(decision, Accepted)
    assert decision.account is not None
    assert decision.account["state"] == "Prepared"
    assert decision.account["product"] == "GIFT-25"
    assert (decision.facts, decision.remember) == ((), False)
    for name, source, expected in (
        ("c9", "channel/pos", "unknown_card"),
        ("c1", "channel/office", "not_permitted"),
    ):
        refused = stock.ask("enquire", name, source=source)
        assert reason(refused) == expected
        assert isinstance(refused, Refused)
        assert refused.fact is None


def test_a_live_card_is_not_issuances_to_tell_about() -> None:
    stock = Stock().prepared("c1")
    told(stock.ask("sell_card", **SALE), "card_sold.v1")
    assert reason(stock.ask("enquire")) == "not_prepared"


def test_where_policy_names_no_channels_everyone_may() -> None:
    stock = Stock(channels=None).prepared("c1")
    told(stock.ask("sell_card", source="channel/till", **SALE | {"place": {}}), "card_sold.v1")
    assert stock.facts[-1].body.where.location == "HQ"


def imported_into(programme: str, batch: str, *names: str, stock: Stock) -> None:
    entries = [{"card": name, "last4": "1111", "value": usd(700)} for name in names]
    about = {"programme": programme, "batch": batch, "sold_at": "2026-04-20T10:00:00-04:00"}
    decision = stock.ask("import_cards", names[0], cards=entries, **about)
    told(decision, *["cards_imported.v1"] * len(names))


def test_an_undo_that_lists_a_card_of_another_programme_or_batch_undoes_nothing() -> None:
    stock = Stock()
    imported_into("gift", "b1", "p1", "p2", stock=stock)
    imported_into("local", "b2", "x1", stock=stock)
    listed = [{"card": "p1"}, {"card": "x1"}]
    for said in ({"programme": "gift"}, {"batch": "b1"}, {"programme": "gift", "batch": "b1"}):
        refused = stock.ask("undo_import", "p1", cards=listed, **said)
        assert reason(refused) == "unknown_sale", said
        assert isinstance(refused, Refused)
        assert "x1" in str(refused.detail)
    of_one = {"programme": "gift", "cards": [{"card": "p1"}, {"card": "p2"}]}
    told(stock.ask("undo_import", "p1", **of_one), "undo_reserved.v1")


def test_the_undos_of_listed_cards_elsewhere_name_the_programme_and_batch_too() -> None:
    stock = Stock()
    imported_into("gift", "b1", "p1", stock=stock)
    about = {"programme": "gift", "batch": "b1"}
    listed = [{"card": "p1"}, {"card": "far"}]
    told(stock.ask("undo_import", "p1", cards=listed, **about), "undo_reserved.v1")
    [_, other] = card.forward(stock.facts[-1])
    assert (other.type, other.subject, other.body) == ("undo_import", "far", about)
