"""docs/operations/wrong-journals.md, on a real broker and database."""

import pytest

from deploy.embedded.resolve import Infrastructure
from services.ledger.views import trial_balance
from services.stories.live import LiveStage
from tests.e2e.runbooks.runbook import Runbook
from tests.replayed import bad_deploy, play


@pytest.mark.timeout(240)
def test_wrong_journals_are_adjusted_by_two_people_and_every_invariant_holds_again(
    stage: LiveStage, infra: Infrastructure, namespace: str
) -> None:
    with bad_deploy():
        play(stage)
    stage.restart()
    page = Runbook("wrong-journals", infra, namespace)
    plan = page.run("SCRIP_USER=ann scrip replay plan --type hold_captured --json").found
    assert {e: sums["adjust"] for e, sums in plan["money"]["USD"].items()} == {"E1": 400, "E2": 240}
    page.values["HASH"] = plan["hash"]
    shadow = page.run("scrip replay shadow HASH --json", status=1).found
    assert shadow["gl"] == plan["gl"]
    assert (shadow["accounts"]["different"], shadow["items"]["different"]) == (0, 0)
    applied = page.run("SCRIP_USER=bob scrip replay apply HASH --json").found
    assert applied["posted"] == 2
    stage.settle()
    with stage.engine.connect() as connection:
        books = trial_balance(connection)["USD"]
    assert (books["E1"]["2200"], books["E2"]["2200"]) == (-400, -240)
    verified = page.run("scrip verify --json").found
    assert [v["name"] for v in verified["invariants"] if not v["holds"]] == []
    again = page.run("SCRIP_USER=bob scrip replay apply HASH --json").found
    assert (again["posted"], again["repeated"]) == (0, True)
    page.is_run()
