"""`scrip`: one command for everything a person does; each loads only what it needs.

Exit status: 0 done, 1 a "no" from the business, 2 usage, 3 something it needs is not there.
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cards import cli as cards
from services.deadletters import cli as deadletters
from services.replay import cli as replay

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]

app = typer.Typer(
    help="Stored value on Kafka: gift cards and store credit, right to the cent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
account = typer.Typer(help="Accounts and cards.", no_args_is_help=True)
audit = typer.Typer(help="Has anything been changed behind our back?", no_args_is_help=True)
policy = typer.Typer(help="The policy document.", no_args_is_help=True)
topics = typer.Typer(help="Topics of the catalogue on the cluster.", no_args_is_help=True)
stores = typer.Typer(help="Workers' rows on this machine's disk.", no_args_is_help=True)
settle = typer.Typer(help="Settlement runs: one person makes, another approves.")
returns = typer.Typer(help="What the bank sends back.", no_args_is_help=True)
for name, part in (
    ("account", account),
    ("audit", audit),
    ("policy", policy),
    ("topics", topics),
    ("stores", stores),
    ("settle", settle),
    ("returns", returns),
    ("cards", cards.app),
    ("deadletters", deadletters.app),
    ("replay", replay.app),
):
    app.add_typer(part, name=name)


@app.command()
def up(
    data: Annotated[Path | None, typer.Option(help="Keep everything in this folder.")] = None,
    policy: Annotated[Path | None, typer.Option(exists=True, help="Instead of the sample.")] = None,
    json: Json = False,
) -> None:
    """Run everything on this machine until Ctrl-C."""
    _run(json, lambda: _load("services.local.up.run_up")(data, policy, partial(_tell, json)))


@app.command()
def demo(json: Json = False) -> None:
    """Play a day of five stores on a real broker and database, a worker killed on the way."""
    _run(json, lambda: _load("services.demo.cli.run_demo")(as_json_object=json))


@app.command()
def story(
    file: File,
    live: Annotated[bool, typer.Option("--live", help="Through Kafka and PostgreSQL.")] = False,
    json: Json = False,
) -> None:
    """Tell what follows from a YAML file of what happens."""
    _run(json, lambda: _load("services.stories.cli.run_story")(file, as_json=json, live=live))


@account.command("cover")
def account_cover(
    order: str,
    total: Annotated[int, typer.Argument(help="The order's total, minor units.", min=1)],
    customer: Annotated[str | None, typer.Option(help="Whose store credit may pay.")] = None,
    company: Annotated[str | None, typer.Option(help="Whose store credit may pay.")] = None,
    currency: Annotated[str | None, typer.Option(help="Else the network's.")] = None,
    json: Json = False,
) -> None:
    """The holds by which store credit pays an order, in the policy's order; nothing is placed."""
    owners = {"customer": customer, "company": company}
    named = {kind: owner for kind, owner in owners.items() if owner is not None}
    _answer(json, "services.ledger.cli.cover_order", order, total, currency, named)


@account.command("show")
def account_show(id: str, json: Json = False) -> None:
    """An account's state and history, like a bank statement."""
    _answer(json, "services.ledger.cli.show_account", id)


@audit.command("verify")
def audit_verify(
    heads: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="What `scrip audit heads --json` said."),
    ] = None,
    json: Json = False,
) -> None:
    """Check facts against their chains, and every account's history against its facts."""
    _answer(json, "services.verify.cli.check_audit", heads)


@audit.command("heads")
def audit_heads(json: Json = False) -> None:
    """Say where every chain ends now: keep it where nobody here can change it."""
    _answer(json, "services.verify.cli.show_heads")


@policy.command("check")
def policy_check(file: File, json: Json = False) -> None:
    """Say whether a policy could be applied, and what is wrong with it."""

    def check() -> int:
        read = partial(_document, file)
        return _print(json, _load("services.runtime.cli.check_policy")(read))

    _run(json, check)


@policy.command("apply")
def policy_apply(file: File, json: Json = False) -> None:
    """Publish a policy and tell every partition."""
    _answer(json, "services.runtime.cli.apply", partial(_document, file))


@policy.command("show")
def policy_show(json: Json = False) -> None:
    """Every version, and the newest document."""
    _answer(json, "services.runtime.cli.show")


@topics.command("apply")
def topics_apply(json: Json = False) -> None:
    """Make the topics that are missing."""
    _answer(json, "services.runtime.cli.apply_topics")


@topics.command("diff")
def topics_diff(json: Json = False) -> None:
    """Say where the cluster differs from the catalogue."""
    _answer(json, "services.runtime.cli.diff_topics")


@topics.command("save")
def topics_save(topic: str, partition: int, file: Path, json: Json = False) -> None:
    """Copy one partition of state to a file."""
    _answer(json, "services.runtime.copying.save", topic, partition, file)


@topics.command("load")
def topics_load(topic: str, partition: int, file: File, json: Json = False) -> None:
    """Put a copy back into a partition that was lost."""
    _answer(json, "services.runtime.copying.load", topic, partition, file)


@stores.command("check")
def stores_check(json: Json = False) -> None:
    """Compare every row on disk with its topic, while workers go on (SCRIP_STORE_FOLDER)."""
    _answer(json, "services.runtime.store_check.check")


@settle.command("run")
def settle_run(
    run: str,
    dry: Annotated[bool, typer.Option("--dry", help="List only; claims nothing.")] = False,
    json: Json = False,
) -> None:
    """Claim what is payable, net it, hand it in for approval (SCRIP_USER makes it)."""
    _answer(json, "services.settlement.cli.start_run", run, dry)


@settle.command("approve")
def settle_approve(run: str, json: Json = False) -> None:
    """Stand behind a run that another person has made."""
    _answer(json, "services.settlement.cli.approve_run", run)


@settle.command("file")
def settle_file(run: str, json: Json = False) -> None:
    """Build an approved run's file and hand it to the bank."""
    _answer(json, "services.settlement.cli.file_run", run)


@settle.command("status")
def settle_status(run: Annotated[str | None, typer.Argument()] = None, json: Json = False) -> None:
    """Show runs: state, positions, what is carried, files."""
    _answer(json, "services.settlement.cli.status", run)


@settle.command("statement")
def settle_statement(run: str, location: str, json: Json = False) -> None:
    """What a run is made of for one location."""
    _answer(json, "services.settlement.cli.statement", run, location)


@returns.command("import")
def returns_import(file: File, json: Json = False) -> None:
    """Book a bank's file of returns."""
    _answer(json, "services.settlement.cli.import_returns", file.read_text("ascii", "replace"))


@app.command()
def verify(
    wait: Annotated[float, typer.Option(help="Seconds to wait for readers.")] = 60.0,
    json: Json = False,
) -> None:
    """Check every invariant, topics against PostgreSQL."""
    _answer(json, "services.verify.cli.check", partial(_tell, json), wait)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is missing on this machine, and the command that mends it."""
    _run(json, lambda: _print(json, _load("services.doctor.cli.look")()))


def main() -> None:
    """The program."""
    app()


def _load(name: str) -> Callable[..., Any]:
    """What stands under a dotted name; it is loaded when it is needed, so that help is quick."""
    module, _, attribute = name.rpartition(".")
    loaded: Callable[..., Any] = getattr(import_module(module), attribute)
    return loaded


def _document(file: Path) -> Any:
    return _load("services.local.installation.document_of")(file)


def _answer(json: bool, name: str, *arguments: Any) -> None:
    """Ask the installation something, with its settings first, and print what it says."""

    def ask() -> int:
        settings = _load("services.local.installation.installation")()
        return _print(json, _load(name)(settings, *arguments))

    _run(json, ask)


def _run(json: bool, run: Callable[[], int]) -> None:
    """Run a command; what it lacks or is refused becomes a sentence and an exit status."""
    status, sentence = _load("services.local.explaining.explained")(run)
    if sentence is not None:
        if json:
            _write({"error": sentence, "exit": status})
        sys.stderr.write(f"scrip: {sentence}\n")
    raise typer.Exit(status)


def _print(json: bool, said: Any) -> int:
    if json:
        _write(said.found)
    else:
        sys.stdout.write(said.text + "\n")
    status: int = said.status
    return status


def _write(found: Any) -> None:
    written: bytes = _load("services.runtime.cli.as_json")(found)
    sys.stdout.write(written.decode() + "\n")


def _tell(json: bool, line: str) -> None:
    """News on the way: for people; with --json standard output is the object's alone."""
    stream = sys.stderr if json else sys.stdout
    stream.write(line + "\n")
    stream.flush()
