"""Reading what is to be scored: files, standard input, JSON lines.

In front of the scorer. A bad input is never the end: readers yield either a text with its
id or an `InputError` that names the input, the problem and the remedy, and go on. An
encoding is never guessed, since a wrong guess would change the very characters that are
scored: UTF-8, and UTF-16 that says so by its byte order mark, or an error with the bytes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import BinaryIO, TypeAlias

from model.errors import InputError
from model.result import TextId

MAX_BYTES = 5_000_000
"""The largest text that is read, in bytes: some 800,000 words."""

Item: TypeAlias = tuple[TextId, str] | InputError

# A JSON string may spell each byte of a text as a six-character escape.
_MAX_LINE_BYTES = 6 * MAX_BYTES + 100_000
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF32_MARKS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAGIC = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"\x1f\x8b": "gzip data",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}


def read_texts(names: Iterable[str]) -> Iterator[Item]:
    """Read files by name, `-` being standard input; the name becomes the id."""
    for name in names:
        try:
            yield name, read_text(name)
        except InputError as error:
            yield error


def read_text(name: str) -> str:
    """The text of one file, or of standard input for `-`; raises InputError."""
    try:
        with _open(name) as stream:
            # One byte more than is allowed: enough to refuse, even from an endless device.
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    return decode(data, "standard input" if name == "-" else name)


def decode(data: bytes, name: str) -> str:
    """Bytes to text by the rules above; raises InputError that calls the input `name`."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: is over {MAX_BYTES // 1_000_000} MB; split it into articles")
    if data.startswith(_UTF32_MARKS):
        raise InputError(
            f"{name}: is UTF-32 (starts with {data[:4].hex(' ')}); convert it to UTF-8"
        )
    if data.startswith(_UTF16_MARKS):
        text = _decode_as(data, "utf-16", name)
    else:
        _refuse_binary(data, name)
        text = _decode_as(data.removeprefix(_UTF8_MARK), "utf-8", name, data)
    if not text or text.isspace():
        raise InputError(f"{name}: is empty; give it the text of an article")
    return text


def read_json_lines(stream: BinaryIO, name: str) -> Iterator[Item]:
    """Read JSON lines `{"id": ..., "text": ...}`, one at a time, in constant memory.

    A line without an id is named `NAME:LINE`. Blank lines are passed over. Of each id only
    a 16-byte digest is kept, to tell repetitions. Closes the stream at its end.
    """
    try:
        with stream:
            yield from _read_lines(_lines(stream), name)
    except OSError as error:
        yield _unreadable(name, error)


def open_json_lines(path: str) -> BinaryIO:
    """The stream behind `--jsonl PATH`, `-` being standard input; raises InputError."""
    try:
        return _open(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _open(name: str) -> BinaryIO:
    if name != "-":
        return open(name, "rb")
    if sys.stdin is None:
        raise InputError("standard input: is closed; send it the text, as in `< article.txt`")
    # A stream of our own: Python aborts at exit if a thread still waits on its sys.stdin.
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _unreadable(name: str, error: Exception) -> InputError:
    name = {"-": "standard input", "": "''"}.get(name, name)
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name}: no such file; check the name")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name}: is a folder; name the files in it, as in {name.rstrip('/')}/*")
    if isinstance(error, PermissionError):
        return InputError(f"{name}: may not be read by you; change its permissions")
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"{name}: cannot be read ({reason}); check the file")


def _refuse_binary(data: bytes, name: str) -> None:
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise InputError(f"{name}: is {kind}, not text; save the article as plain text")
    head = data[:8_192]
    at = data.find(b"\0")
    if at >= 0 or len(_CONTROLS.findall(head)) * 20 > len(head):
        what = f"a zero byte at offset {at}" if at >= 0 else "control bytes"
        raise InputError(f"{name}: is binary ({what}), not text; save the article as plain text")


def _decode_as(data: bytes, encoding: str, name: str, whole: bytes | None = None) -> str:
    """Decode, or say which bytes stand in the way and where in the `whole` input."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        skipped = len(whole) - len(data) if whole is not None else 0
        bad = data[error.start : min(error.end, error.start + 4)]
        remedy = (
            "convert it, as in `iconv -f WINDOWS-1252 -t UTF-8`"
            if encoding == "utf-8"
            else "save it again, as UTF-8"
        )
        raise InputError(
            f"{name}: is not {encoding.upper()} (bytes {bad.hex(' ')} at offset "
            f"{error.start + skipped}); {remedy}"
        ) from error


def _read_lines(lines: Iterable[bytes | None], name: str) -> Iterator[Item]:
    seen: set[bytes] = set()
    for number, line in enumerate(lines, start=1):
        if number == 1 and line is not None:
            line = line.removeprefix(_UTF8_MARK)
        if line is not None and (not line or line.isspace()):
            continue
        place = f"{name}:{number}"
        try:
            text_id, text = _parse_line(line, place)
            _refuse_repetition(text_id, seen, place)
            yield text_id, text
        except InputError as error:
            yield error


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines of bounded length; None stands for one that was longer, and passed over."""
    while line := stream.readline(_MAX_LINE_BYTES):
        if len(line) < _MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_MAX_LINE_BYTES)
        yield None


def _refuse_repetition(text_id: TextId, seen: set[bytes], place: str) -> None:
    digest = blake2b(json.dumps(text_id).encode(), digest_size=16).digest()
    if digest in seen:
        raise InputError(f"{place}: repeats the id {text_id!r}; make ids unique")
    seen.add(digest)


def _parse_line(line: bytes | None, place: str) -> tuple[TextId, str]:
    remedy = 'write {"id": ..., "text": ...}'
    if line is None:
        raise InputError(f"{place}: is over {_MAX_LINE_BYTES // 1_000_000} MB; split it")
    try:
        values = json.loads(_decode_as(line, "utf-8", place))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: is not JSON ({error}); {remedy} on one line") from error
    if not isinstance(values, dict):
        raise InputError(f"{place}: is not a JSON object; {remedy}")
    if "text" not in values:
        raise InputError(f"{place}: lacks `text`; {remedy}")
    text, text_id = values["text"], values.get("id")
    text_id = place if text_id is None else text_id
    if not isinstance(text, str):
        raise InputError(f"{place}: `text` is not a string; {remedy}")
    if isinstance(text_id, bool) or not isinstance(text_id, str | int):
        raise InputError(f"{place}: `id` is neither a string nor a whole number; {remedy}")
    if not text or text.isspace():
        raise InputError(f"{place}: `text` is empty; give it the text of an article")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InputError(
            f"{place}: `text` is over {MAX_BYTES // 1_000_000} MB; split it into articles"
        )
    return text_id, text
