"""A policy is read as the contract writes it; a bad one is refused by path, value and allowed."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.instants import INSTANT_END, format_instant, parse_instant
from schemas.lined import read_lined
from schemas.policy_checks import PolicyRefusedError, canonical, content_hash, read_policy
from schemas.terms import Policy
from tests.architecture.source import ROOT

CONTRACT = ROOT / "tests" / "policies" / "contract.yaml"
SAMPLES = (ROOT / "deploy" / "policy").glob("*.yaml")
# Beside a policy lies a file with the bank accounts it names.
POLICIES = sorted(path for path in SAMPLES if not path.stem.endswith("-accounts"))


def contract() -> dict[str, Any]:
    document: dict[str, Any] = read_lined(CONTRACT.name, CONTRACT.read_text(encoding="utf-8")).value
    return document


def refused(document: Any) -> dict[str, tuple[str, str]]:
    with pytest.raises(PolicyRefusedError) as error:
        read_policy(document)
    return {finding.path: (finding.value, finding.allowed) for finding in error.value.findings}


def test_the_contracts_example_loads_as_it_stands() -> None:
    policy = read_policy(contract())
    assert policy.effective == parse_instant("2026-01-01T00:00:00Z")
    gift = policy.programmes["gift"]
    assert (gift.breakage.method, gift.breakage.rate_bp) == ("proportional", 1000)
    assert (gift.returns.to, gift.returns.within_days) == ("refunded", 30)
    assert policy.law[0].from_ == "2026-04-01"
    assert policy.settlement.originator.description == "GIFT CARDS"


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_every_sample_policy_loads(path: Path) -> None:
    sample = read_lined(path.name, path.read_text(encoding="utf-8")).value
    assert read_policy(sample).settlement.enabled


def test_unset_keys_have_the_defaults_of_the_contract() -> None:
    policy = read_policy(
        {
            "network": {"currency": "USD", "parent": "HQ"},
            "entities": {"HQ": {}},
            "programmes": {"gift": {"kind": "card", "currency": "USD"}},
        }
    )
    gift, settlement = policy.programmes["gift"], policy.settlement
    assert (gift.use, gift.remainder, gift.hold_seconds) == ("reusable", "residual", 600)
    assert (gift.late_capture, gift.locations) == ("honour_if_available", "*")
    assert gift.draw == ["promo", "soonest_expiring", "oldest"]
    assert (gift.value, gift.validity, gift.breakage.method) == (None, None, "none")
    assert gift.limits.balance_max is None
    assert (settlement.enabled, settlement.cross_franchise) == (False, False)
    assert (settlement.mode, settlement.same_entity) == ("percentage", "items")
    assert (settlement.minimum_minor, settlement.cutoff) == (100, "16:15")
    assert settlement.credit_release == "with_debits"
    assert settlement.rates_bp == {
        "service": 500,
        "product": 3000,
        "class": 2000,
        "tax": 10_000,
        "tip": 10_000,
    }
    assert policy.network.timezone == "America/New_York"
    assert (policy.refund_days, policy.channels, policy.people) == (730, None, None)


def test_a_document_is_known_by_its_content_in_any_order_and_form() -> None:
    document = contract()
    as_json = orjson.loads(canonical(document))
    backwards = dict(reversed(document.items()))
    assert content_hash(document) == content_hash(as_json) == content_hash(backwards)
    document["refund_days"] = 731
    assert content_hash(document) != content_hash(as_json)


def test_an_unknown_key_is_answered_with_the_keys_there_are() -> None:
    document = contract()
    document["programmes"]["gift"]["valdity"] = {"days": 5}
    document["polcy"] = 1
    found = refused(document)
    value, allowed = found["programmes.gift.valdity"]
    assert value == "an unknown key"
    assert "validity" in allowed.split(", ")
    assert "use" in allowed.split(", ")
    assert "entities" in found["polcy"][1].split(", ")


@pytest.mark.parametrize(
    ("path", "bad", "said"),
    [
        ("settlement.minimum_minor", 100.0, "integer"),
        ("programmes.gift.limits.balance_max", 2000.5, "integer"),
        ("programmes.gift.value.fixed.0", 25.5, "integer"),
        ("settlement.rates_bp.service", 5.5, "integer"),
        ("settlement.rates_bp.service", 10_001, "10000"),
        ("settlement.pairs.0.rates_bp.service", -1, "0"),
        ("memberships.gold.amount", "2500", "integer"),
        ("programmes.gift.kind", "coupon", "'card' or 'credit'"),
        ("programmes.gift.late_capture", "maybe", "'reject'"),
        ("programmes.gift.reloadable", "yes", "boolean"),
        ("network.timezone", "Mars/Olympus", "IANA"),
        ("locations.F1.timezone", 5, "IANA"),
        ("network.currency", "usd", "[A-Z]"),
        ("network.parent", "H9", "E1, E2, HQ"),
        ("locations.F1.entity", "E9", "E1, E2, HQ"),
        ("programmes.gift.locations", ["F9"], "F1, F2, HQ"),
        ("programmes.gift.templates", ["paper"], "digital, plastic"),
        ("channels.pos.locations", ["F9"], "F1, F2, HQ"),
        ("channels.pos.may.0", "shop", "'issue'"),
        ("settlement.pairs.0.from", "F9", "F1, F2, HQ"),
        ("settlement.pairs.0.to", "F1", "another place"),
        ("settlement.cutoff", "25:00", "2[0-3]"),
        ("settlement.cutoff", 975, "string"),
        ("memberships.gold.programme", "gift", "credit"),
        ("templates.plastic.pin", 4, "6"),
        ("templates.plastic.capacity", 10**11, str(10**10)),
        ("effective", "yesterday", "RFC 3339"),
        ("law.0.from", "soon", "\\d{4}"),
        ("people.ann", ["settle", "release"], "not settle and release together"),
        ("channels.office.may", ["adjust", "settle"], "not adjust and settle together"),
    ],
)
def test_a_wrong_value_is_answered_with_its_path_and_what_is_allowed(
    path: str, bad: Any, said: str
) -> None:
    document = contract()
    at: Any = document
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for key in above:
        at = at[key]
    at[last] = bad
    found = refused(document)
    assert path in found, found
    assert said in found[path][1], found[path]


@pytest.mark.parametrize(
    ("template", "path", "said"),
    [
        ({"number": "000000000000000C", "pin": 6}, "number", "random digit"),
        ({"code": "crockford16", "number": "603571##########C", "pin": 6}, "", "one of code and"),
        ({"code": "crockford16", "track": True}, "track", "number"),
    ],
)
def test_a_template_that_makes_no_card_fit_for_a_till_is_refused(
    template: dict[str, Any], path: str, said: str
) -> None:
    document = contract()
    document["templates"]["plastic"] = template
    [(found, (value, allowed))] = refused(document).items()
    assert found == "templates.plastic" + (path and f".{path}")
    assert value
    assert said in allowed
    # What was published under older rules must not stop who reads it.
    assert read_policy(document, published=True).templates["plastic"]


GONE_BEYOND: list[tuple[str, Any, str]] = [
    ("programmes.gift.validity", {"until": "9999-12-31"}, "1900-01-01 to 2999-12-30"),
    ("programmes.gift.validity", {"until": "2026-06-31"}, "a day of the calendar"),
    ("programmes.gift.validity", {"days": 36_501}, "up to 36500 days"),
    ("programmes.gift.validity", {"days": 9 * 10**18}, "up to 36500 days"),
    ("programmes.gift.returns", {"within_days": 10**11}, "up to 36500 days"),
    ("programmes.gift.breakage", {"method": "remote", "after_days": 10**13}, "up to 36500 days"),
    ("refund_days", 10**14, "up to 36500 days"),
    ("memberships.gold.amount", 10**15 + 1, f"up to {10**15} minor units"),
    ("law.0.from", "2026-02-30", "a day of the calendar"),
    ("law.0.from", "0000-00-00", "a day of the calendar"),
    ("law.1.expiry_floor_years", 9_000, "up to 100 years"),
    ("law.1.dormancy_years", 101, "up to 100 years"),
    ("chart", {"2100": ""}, "1 to 32 characters"),
    ("chart", {"2100": " 21"}, "1 to 32 characters"),
    ("chart", {"2100": "1" * 33}, "1 to 32 characters"),
    ("chart", {"9999": "13"}, "1000, 1010"),
    ("chart", {"": "13"}, "1000, 1010"),
    ("settlement.originator.company", "Franchise Network Incorporated", "1 to 16"),
    ("settlement.originator.company", "", "1 to 16"),
    ("settlement.originator.description", "GIFT CARDS OF", "1 to 10"),
    ("settlement.originator.odfi", "021000021", "first 8 digits"),
    ("settlement.originator.destination", "021000022", "check digit"),
]


@pytest.mark.parametrize(("path", "bad", "said"), GONE_BEYOND)
def test_what_nothing_can_count_with_or_keep_is_refused_and_read_where_it_is_in_force(
    path: str, bad: Any, said: str
) -> None:
    document = contract()
    at: Any = document
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for key in above:
        at = at[key]
    at[last] = bad
    [(found, (value, allowed))] = refused(document).items()
    assert found.startswith(path)
    assert value
    assert said in allowed
    gift = read_policy(document, published=True).programmes["gift"]
    policy = Policy(1, 0, read_policy(document, published=True))
    for now in (0, parse_instant("2026-05-01T14:00:00Z"), INSTANT_END - 1):
        ends = (policy.expiry(gift, now), policy.expiry_floor("US-CA", now, now))
        assert all(format_instant(end) for end in ends if end is not None)


def test_a_day_that_is_none_is_in_force_as_the_nearest_there_is() -> None:
    document = contract()
    for day, end in (("2026-06-31", "2026-07-01T04"), ("9999-12-31", "9999-12-31T23")):
        document["programmes"]["gift"]["validity"] = {"until": day}
        policy = Policy(1, 0, read_policy(document, published=True))
        found = policy.expiry(policy.document.programmes["gift"], 0)
        assert found is not None
        assert format_instant(found)[:13] == end


def test_no_value_is_offered_that_the_limit_forbids() -> None:
    document = contract()
    document["programmes"]["gift"]["limits"]["balance_max"] = 4000
    assert refused(document) == {"programmes.gift.value.fixed": ("5000", "up to balance_max 4000")}


def test_settlement_with_bank_accounts_is_in_the_currency_of_bank_files() -> None:
    document = contract()
    document["network"]["currency"] = "JPY"
    said = "USD: settlement is enabled, there are bank accounts, and bank files are in USD"
    assert refused(document) == {"network.currency": ("'JPY'", said)}
    # What was published under older rules must not stop who reads it.
    assert read_policy(document, published=True).network.currency == "JPY"
    assert read_policy({**document, "settlement": {"enabled": False}})
    for place in (document["network"], *document["locations"].values()):
        place.pop("bank_account", None)
    assert read_policy(document)


def test_a_range_has_its_lowest_value_first() -> None:
    document = contract()
    document["programmes"]["gift"]["value"] = {"range": [5000, 500]}
    assert refused(document) == {"programmes.gift.value.range": ("5000, 500", "[lowest, highest]")}


def test_validity_is_days_or_until_and_not_both() -> None:
    for validity in ({}, {"days": 5, "until": "2027-12-31"}):
        document = contract()
        document["programmes"]["gift"]["validity"] = validity
        assert refused(document)["programmes.gift.validity"][1] == "exactly one of days and until"


def test_remote_breakage_says_after_how_many_days() -> None:
    document = contract()
    document["programmes"]["gift"]["breakage"] = {"method": "remote"}
    assert "programmes.gift.breakage.after_days" in refused(document)
    document["programmes"]["gift"]["breakage"] = {"method": {"remote": {"after_days": 730}}}
    assert read_policy(document).programmes["gift"].breakage.after_days == 730


@pytest.mark.parametrize("document", [None, [], "policy", 5])
def test_what_is_no_mapping_is_no_policy(document: Any) -> None:
    assert "(document)" in refused(document)


def test_every_wrong_path_is_named_at_once() -> None:
    document = contract()
    del document["network"]["currency"]
    document["settlement"]["cycle"] = "hourly"
    found = refused(document)
    assert set(found) == {"network.currency", "settlement.cycle"}
    assert found["network.currency"] == ("nothing", "this key is required")
