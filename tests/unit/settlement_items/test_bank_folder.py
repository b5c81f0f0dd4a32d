"""The folder a bank picks files up from: whole files, once, and honest answers."""

from hashlib import sha256
from pathlib import Path

from services.settlement.bank import Delivery, DirectoryBank, Shipment


def shipment(content: bytes = b"101 ...", name: str = "run1.ach") -> Shipment:
    """A file to send."""
    return Shipment(name, content, sha256(content).hexdigest())


def test_a_file_arrives_whole_under_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert DirectoryBank(folder).deliver(shipment()) is Delivery.DELIVERED
    assert [(p.name, p.read_bytes()) for p in folder.iterdir()] == [("run1.ach", b"101 ...")]


def test_sending_again_finds_the_same_bytes_and_writes_nothing(tmp_path: Path) -> None:
    bank = DirectoryBank(tmp_path)
    bank.deliver(shipment())
    before = (tmp_path / "run1.ach").stat().st_mtime_ns
    assert bank.deliver(shipment()) is Delivery.DELIVERED
    assert (tmp_path / "run1.ach").stat().st_mtime_ns == before


def test_other_bytes_under_the_name_are_a_conflict_and_stay(tmp_path: Path) -> None:
    (tmp_path / "run1.ach").write_bytes(b"other")
    bank = DirectoryBank(tmp_path)
    assert bank.deliver(shipment()) is Delivery.CONFLICT
    assert bank.look_for(shipment()) is Delivery.CONFLICT
    assert (tmp_path / "run1.ach").read_bytes() == b"other"


def test_what_a_killed_sender_left_half_written_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "run1.ach.part").write_bytes(b"10")
    assert DirectoryBank(tmp_path).deliver(shipment()) is Delivery.DELIVERED
    assert [p.name for p in tmp_path.iterdir()] == ["run1.ach"]


def test_a_folder_that_cannot_be_written_certainly_has_not_got_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert DirectoryBank(tmp_path / "file").deliver(shipment()) is Delivery.NOT_DELIVERED


def test_a_file_that_was_picked_up_is_unknown_when_looked_for(tmp_path: Path) -> None:
    bank = DirectoryBank(tmp_path)
    bank.deliver(shipment())
    (tmp_path / "run1.ach").unlink()
    assert bank.look_for(shipment()) is Delivery.UNKNOWN
