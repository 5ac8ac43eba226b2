"""Moderators' verdicts, appended to a local file that `seeds.build` reads as a user corpus.

Each line is one JSON object. To train on them, name the file in a corpus configuration:

    corpora:
      - name: feedback
        kind: jsonl
        path: feedback.jsonl
        columns: {text: text, label: label, story: story, source: source,
                  generator: generator, operation: operation}

`date` is the day of the verdict, for people: no column should take it for that of publication.
Moderators say human or machine, and not what the machine did: a machine text is labelled
`rewritten`, the commonest kind. The later verdict on a story does not replace the earlier one:
both lines stay, and the build keeps one of two equal texts, the human one where they disagree. So a
correction from machine to human counts, and one from human to machine is lost whatever the order;
to make it count, take the line that says human out of the file.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from model.errors import ConfigError
from model.labels import HUMAN, REWRITTEN
from serve.http.errors import ServiceError

_MOST_CHARACTERS = 200  # of a story's name or a source's


class FeedbackStore:
    """Appends verdicts durably; does nothing, and says so, where no file is set."""

    def __init__(self, path: Path | None) -> None:
        """`path` is a JSON-lines file, made where it is not there; None switches the store off.

        Raises ConfigError for one that cannot be written.
        """
        self.path = path
        if path is None:
            return
        try:
            os.close(_open(path))
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written ({error.strerror}); check --feedback"
            ) from error

    @property
    def enabled(self) -> bool:
        """Whether verdicts are kept."""
        return self.path is not None

    def append(self, text: str, machine: bool, source: str, story: str | None = None) -> bool:
        """Keep one verdict on a text; returns whether it was kept. Raises ServiceError.

        `source` says where the verdict comes from, `story` what the text shares with its other
        versions, by default its digest; names longer than 200 characters are digested or cut.
        Blocks until the line is on the disk.
        """
        if self.path is None:
            return False
        if not text or text.isspace():
            raise ServiceError("invalid", "a verdict on an empty text; send the text with it")
        line = json.dumps(
            {
                "text": _storable(text),
                "label": REWRITTEN if machine else HUMAN,
                "story": _story(story or _digest(text)),
                "source": _storable(source[:_MOST_CHARACTERS]),
                "date": datetime.now(UTC).date().isoformat(),
                "generator": "unknown" if machine else "",
                "operation": "",
            }
        )
        try:
            _append_line(self.path, line.encode("ascii") + b"\n")
        except OSError as error:
            raise ServiceError(
                "internal",
                f"the verdict could not be kept ({error.strerror}); tell who runs the service",
            ) from error
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _append_line(path: Path, line: bytes) -> None:
    """Append a whole line or nothing: workers take turns, and a short write is taken back."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = os.fstat(descriptor).st_size
        if end and os.pread(descriptor, 1, end - 1) != b"\n":
            line = b"\n" + line  # somebody edited the file by hand
        try:
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(descriptor, end)
            raise
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storable(text: str) -> str:
    """A text without lone surrogates, which no data set can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _story(name: str) -> str:
    """A story's name; a long one's digest, because cut it could be another's."""
    return _storable(name) if len(name) <= _MOST_CHARACTERS else _digest(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
