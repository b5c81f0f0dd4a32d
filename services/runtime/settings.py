"""Every setting of every process, from the environment and checked at start (.env.example)."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.crash import read_request
from services.runtime.keyfiles import KeysRefusedError, read_seals
from services.runtime.seals import Seals, SealsOff


class SettingsRefusedError(ValueError):
    """A setting is wrong; the message names it, its value and what is allowed."""


class Settings(BaseSettings):
    """Settings of a Scrip process; each is `SCRIP_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SCRIP_", extra="ignore")

    kafka: Annotated[str, Field(description="Kafka bootstrap servers, host:port")] = ""
    postgres: Annotated[
        SecretStr, Field(description="SQLAlchemy URL, postgresql+psycopg://user@host/database")
    ] = SecretStr("")
    namespace: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9-]{0,30}$|^$",
            description="prefix of topics, groups and transactional ids; two of everything "
            "on one broker never meet",
        ),
    ] = ""
    slot: Annotated[
        str, Field(pattern=r"^[a-z0-9-]{1,40}$", description="this worker's place in its group")
    ] = "0"
    clock: Annotated[
        Literal["system", "story"],
        Field(description="story: the log's own clock, loopback only"),
    ] = "system"
    seals: Annotated[
        Literal["on", "off"], Field(description="off: every source is believed, loopback only")
    ] = "on"
    seal_keys: Annotated[
        Path | None,
        Field(description="JSON file {key id: {prefix, secret}}; `service` is our own key"),
    ] = None
    partitions: Annotated[
        int, Field(ge=1, le=4096, description="partitions of new topics; never changed in place")
    ] = 4
    health_port: Annotated[
        int | None, Field(ge=1, le=65535, description="serves /metrics, /livez and /readyz")
    ] = None
    crash_at: Annotated[
        str | None,
        Field(description="point:n, ends the process there; point:n:freeze stops it (tests)"),
    ] = None
    run_file: Annotated[
        Path | None,
        Field(description="where `scrip up` says what runs; .scrip/run.json of the checkout"),
    ] = None
    store: Annotated[
        Literal["memory", "rocksdb"],
        Field(description="where a worker keeps its rows; rocksdb: on disk, beyond memory"),
    ] = "memory"
    store_folder: Annotated[
        Path, Field(description="folder of the rocksdb stores, on a disk of this machine")
    ] = Path(".scrip/stores")
    store_cache_mib: Annotated[
        int, Field(ge=8, le=1 << 20, description="what rocksdb keeps in memory for reading, MiB")
    ] = 256
    user: Annotated[str | None, Field(description="who you are for settlement and release")] = None
    bank_folder: Annotated[Path | None, Field(description="where bank files are dropped")] = None
    bank_key: Annotated[
        SecretStr, Field(description="hex, 32 bytes: encrypts bank account numbers")
    ] = SecretStr("")
    peppers: Annotated[
        Path | None,
        Field(
            description="JSON file {version: hex, 32 bytes or more}: keys of the card directory; "
            "the highest version is used for new cards"
        ),
    ] = None
    print_key: Annotated[
        SecretStr, Field(description="hex, 32 bytes: wraps the keys of cards' print files")
    ] = SecretStr("")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.clock == "story" and not is_loopback(self.kafka):
            raise ValueError("SCRIP_CLOCK=story is for loopback only")
        if self.seals == "off" and not is_loopback(self.kafka):
            raise ValueError("SCRIP_SEALS=off is for loopback only")
        if self.crash_at:
            read_request(self.crash_at)
        if self.seals == "on" and self.kafka and self.seal_keys is None:
            raise ValueError("SCRIP_SEAL_KEYS is missing (or SCRIP_SEALS=off on loopback)")
        return self


def read_settings(**known: Any) -> Settings:
    """The settings of this process; SettingsRefusedError names every wrong one.

    Those `known` stand whatever the environment says.
    """
    try:
        return Settings(**known)
    except ValidationError as error:
        raise SettingsRefusedError("; ".join(_said(one) for one in error.errors())) from error


def _said(one: ErrorDetails) -> str:
    """What is wrong, without pydantic's own word for it; which setting, if it is one alone."""
    what = one["msg"].removeprefix("Value error, ")
    if not one["loc"]:
        return what
    name = "_".join(map(str, one["loc"])).upper()
    return f"SCRIP_{name}={one['input']!r}: {what}"


def is_loopback(servers: str) -> bool:
    """Are all these host:port addresses on this machine? None at all: yes."""
    return all(_loopback_host(server.strip()) for server in servers.split(",") if server.strip())


def _loopback_host(server: str) -> bool:
    host = urlsplit(f"//{server}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def seals_of(settings: Settings, own: str = "service") -> Seals:
    """The seals a process checks and makes. Raises SettingsRefusedError."""
    if settings.seals == "off":
        return SealsOff()
    assert settings.seal_keys is not None
    try:
        return read_seals(settings.seal_keys, own)
    except KeysRefusedError as cause:
        raise SettingsRefusedError(f"SCRIP_SEAL_KEYS: {cause}") from cause


def env_example() -> str:
    """The text of `.env.example`: every setting with its meaning and default."""
    lines = ["# Every setting, generated from services/runtime/settings.py.", ""]
    for name, described in Settings.model_fields.items():
        default = described.default
        shown = "" if default is None or isinstance(default, SecretStr) else str(default)
        lines += [f"# {described.description}", f"SCRIP_{name.upper()}={shown}", ""]
    return "\n".join(lines)
