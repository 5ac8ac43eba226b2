"""What can be set, by command line or environment (`RESPUN_HTTP_*`); nothing else reads them.

A field is described once: its metadata give the option, the variable and the help. Secrets have
no option, since every user of a machine can read the command lines of its processes. A dataclass
and no pydantic model: what is read are strings of argparse and of the environment, one by one, each
with its own line for people, before anything heavy is imported; pydantic is for bodies.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import ConfigError
from model.policies import DEFAULT_POLICY, parse_choice

if TYPE_CHECKING:
    from model.encoder import Device

MOST_TEXTS = 10_000
"""The most that `maximum_texts` may be set to; longer lists are refused unread."""

_PREFIX = "RESPUN_HTTP_"
_VARIABLES = {"api_keys": "KEYS"}  # where the variable is not named as the field
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CORAL_STATUSES = ("NONE", "PREMOD", "SYSTEM_WITHHELD", "REJECTED")


def _whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.strip().isdecimal() or not least <= int(value) <= most:
            end = "on" if most == math.inf else f"to {most:,}"
            raise ValueError(f"{value!r} is not a whole number from {least} {end}")
        return int(value)

    return read


def _port(value: str) -> int:
    number = _whole(0)(value)
    if number > 65535:
        raise ValueError(f"{value!r} is no port; use 0 to 65535, 0 for any that is free")
    return number


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{value!r} is not a number of seconds above 0")
    return seconds


def _threshold(value: str) -> str | float:
    try:
        return parse_choice(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is none of {', '.join(words)}")
        return value

    return read


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _origins(value: str) -> tuple[str, ...]:
    origins = _words(value)
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", origin):
            raise ValueError(f"{origin!r} is no origin; write one as https://news.example")
    return origins


def _yes(value: str) -> bool:
    return _one_of("1", "0", "true", "false", "yes", "no")(value.lower()) in ("1", "true", "yes")


def _read(
    read: Callable[[str], Any], explained: str, secret: bool = False, metavar: str | None = None
) -> dict[str, Any]:
    """A field's metadata: how a string of it is read, its help, whether it is a secret.

    `metavar` stands for the value in the help, by default the last word of the field's name.
    """
    return {"read": read, "help": explained, "secret": secret, "metavar": metavar}


@dataclass(frozen=True, slots=True)
class Settings:
    """The service's settings; sizes in bytes or characters, times in seconds."""

    host: str = field(default="127.0.0.1", metadata=_read(str, "address to listen on"))
    port: int = field(
        default=8080, metadata=_read(_port, "port to listen on, 0 for any that is free")
    )
    workers: int = field(
        default=1, metadata=_read(_whole(1), "processes; each holds the weights and a queue")
    )
    threads: int | None = field(
        default=None,
        metadata=_read(
            _whole(1), "windows of text that a worker reads at once, by default one per core"
        ),
    )
    model: str | None = field(
        default=None, metadata=_read(str, "a bundle other than the one that ships with respun")
    )
    device: Device = field(
        default="cpu", metadata=_read(_one_of("cpu", "cuda"), "where to run, cpu or cuda")
    )
    threshold: str | float = field(
        default=DEFAULT_POLICY,
        metadata=_read(_threshold, "when a score means machine, where a request does not say"),
    )
    api_keys: tuple[str, ...] = field(
        default=(), repr=False, metadata=_read(_words, "keys, any of which opens", secret=True)
    )
    keys_file: Path | None = field(
        default=None, metadata=_read(Path, "file of more keys, one a line, # for comments")
    )
    allow_no_key: bool = field(
        default=False, metadata=_read(_yes, "listen beyond this machine without any key")
    )
    allow_origins: tuple[str, ...] = field(
        default=(),
        metadata=_read(_origins, "origins whose pages may ask (CORS), separated by commas"),
    )
    forwarded_allow_ips: tuple[str, ...] = field(
        default=("127.0.0.1",),
        metadata=_read(
            _words,
            "proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (default 127.0.0.1)",
        ),
    )
    maximum_body_bytes: int = field(
        default=10_000_000, metadata=_read(_whole(1), "the largest body")
    )
    maximum_texts: int = field(
        default=256, metadata=_read(_whole(1, MOST_TEXTS), "the most texts in one request")
    )
    maximum_text_characters: int = field(
        default=1_000_000, metadata=_read(_whole(1), "the longest text")
    )
    queue_texts: int = field(
        default=512, metadata=_read(_whole(1), "texts that a worker holds before it answers 429")
    )
    queue_characters: int = field(
        default=8_000_000, metadata=_read(_whole(1), "characters likewise")
    )
    batch_tokens: int = field(
        default=8_192, metadata=_read(_whole(1), "tokens scored together, at most")
    )
    deadline_s: float = field(
        default=30.0, metadata=_read(_seconds, "seconds after which a request gets 504")
    )
    body_timeout_s: float = field(
        default=20.0, metadata=_read(_seconds, "seconds in which a body must have arrived")
    )
    requests_per_minute: int | None = field(
        default=None,
        metadata=_read(
            _whole(1),
            "requests per key and worker, or per address where there are no keys",
            metavar="COUNT",
        ),
    )
    feedback: Path | None = field(
        default=None,
        metadata=_read(
            Path, "file that moderators' verdicts are appended to, with the texts", metavar="FILE"
        ),
    )
    coral_secrets: tuple[str, ...] = field(
        default=(), repr=False, metadata=_read(_words, "Coral's signing secrets", secret=True)
    )
    coral_status: str = field(
        default="PREMOD",
        metadata=_read(_one_of(*_CORAL_STATUSES), "what Coral does with a comment that is flagged"),
    )
    coral_deadline_s: float = field(
        default=4.0, metadata=_read(_seconds, "seconds in which Coral wants its answer")
    )
    label_studio_user: str | None = field(
        default=None, metadata=_read(str, "user name that Label Studio sends")
    )
    label_studio_password: str | None = field(
        default=None, repr=False, metadata=_read(str, "and its password", secret=True)
    )

    @property
    def request_texts(self) -> int:
        """The most texts that one request can hold, whichever limit is the lower."""
        return min(self.maximum_texts, self.queue_texts)

    @property
    def text_characters(self) -> int:
        """The most characters that one text can have, likewise."""
        return min(self.maximum_text_characters, self.queue_characters)


def parse_settings(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    environment: Mapping[str, str],
) -> tuple[Settings, argparse.Namespace]:
    """The settings of a command line over those of an environment, and what else it says.

    The options are added to `parser`. Raises ConfigError for a variable that cannot be used; a
    wrong option ends the process, as is argparse's way.
    """
    for setting in fields(Settings):
        _add_option(parser, setting)
    options = parser.parse_args(arguments)
    values = dict(_from_environment(environment))
    for setting in fields(Settings):
        given = getattr(options, setting.name, None)
        if given is not None:
            values[setting.name] = given
    settings = Settings(**values)
    if not (keys(settings) or settings.allow_no_key or settings.host in _LOOPBACK):
        raise ConfigError(
            f"--host {settings.host}: reachable from other machines, and no key is set; set "
            f"{_PREFIX}KEYS or --keys-file, or --allow-no-key if something else keeps the door"
        )
    _check_label_studio(settings)
    return settings, options


def keys(settings: Settings) -> tuple[str, ...]:
    """All keys, from the environment and from the file as it is now; raises ConfigError."""
    found = settings.api_keys
    if settings.keys_file is not None:
        found += _keys_in(settings.keys_file)
    if not all(re.fullmatch("[!-~]+", key) for key in found):
        raise ConfigError(
            "one of the API keys cannot be sent in a header; make keys of ASCII letters, digits "
            "and signs, without spaces"
        )
    return found


def _check_label_studio(settings: Settings) -> None:
    """Half a pair would protect nothing, and no client can send one that is not ASCII."""
    pair = (settings.label_studio_user, settings.label_studio_password)
    if pair == (None, None):
        return
    names = f"--label-studio-user and {_PREFIX}LABEL_STUDIO_PASSWORD"
    if None in pair:
        raise ConfigError(f"{names}: one is set and the other is not; set both")
    user, password = map(str, pair)
    if not re.fullmatch("[ -9;-~]+", user) or not re.fullmatch("[ -~]+", password):
        raise ConfigError(
            f"{names}: only ASCII can be sent, and no colon in the user's name; choose others"
        )


def _keys_in(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"{path}: cannot be read ({problem}); check --keys-file") from error
    stripped = map(str.strip, lines)
    found = tuple(line for line in stripped if line and not line.startswith("#"))
    if not found:
        raise ConfigError(f"{path}: holds no key; write one a line")
    return found


def variable(name: str) -> str:
    """The environment variable of a field."""
    return _PREFIX + _VARIABLES.get(name, name.upper())


def _add_option(parser: argparse.ArgumentParser, setting: Field[Any]) -> None:
    read: Callable[[str], Any] = setting.metadata["read"]
    if setting.metadata["secret"]:
        return
    name = "--" + setting.name.replace("_", "-")
    if read is _yes:
        parser.add_argument(name, action="store_const", const=True, help=setting.metadata["help"])
        return
    plain = isinstance(setting.default, str | int | float)
    default = f" (default {setting.default})" if plain else ""
    parser.add_argument(
        name,
        type=_option(read),
        metavar=setting.metadata["metavar"] or setting.name.rsplit("_", 1)[-1].upper(),
        help=setting.metadata["help"] + default,
    )


def _option(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """argparse replaces the message of a ValueError, and ours names the remedy."""

    def checked(value: str) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    known = {variable(setting.name): setting for setting in fields(Settings)}
    for name, value in environment.items():
        if not name.startswith(_PREFIX):
            continue
        if name not in known:
            raise ConfigError(f"{name}: no such setting; there are {', '.join(known)}")
        if not value.strip():
            continue
        setting = known[name]
        try:
            yield setting.name, setting.metadata["read"](value)
        except ValueError as error:
            shown = "it cannot be used" if setting.metadata["secret"] else str(error)
            raise ConfigError(f"{name}: {shown}") from error
