from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.errors import InputError
from serve import inputs
from serve.inputs import MAX_BYTES, Item, decode, open_json_lines, read_json_lines, read_texts

TEXT = "Café “owners” met 😀 on Tuesday.\r\nThey left.\n"


def _lines(*lines: bytes | str | dict[str, Any]) -> io.BytesIO:
    encoded = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    return io.BytesIO(
        b"\n".join(line.encode() if isinstance(line, str) else line for line in encoded)
    )


def _read(*lines: bytes | str | dict[str, Any]) -> list[Item]:
    return list(read_json_lines(_lines(*lines), "crawl.jsonl"))


def _only_error(items: list[Item]) -> str:
    (item,) = items
    assert isinstance(item, InputError)
    assert "\n" not in str(item)
    return str(item)


# --- Files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_name_themselves_are_read_to_the_character(encoding):
    assert decode(TEXT.encode(encoding), "a.txt") == TEXT


def test_big_endian_utf16_is_read():
    assert decode(b"\xfe\xff" + TEXT.encode("utf-16-be"), "a.txt") == TEXT


@pytest.mark.parametrize(
    ("data", "problem", "remedy"),
    [
        (b"", "is empty", "give it the text"),
        (b" \n\t\r\n", "is empty", "give it the text"),
        (b"\xef\xbb\xbf", "is empty", "give it the text"),
        (b"\xff\xfe", "is empty", "give it the text"),
        (b"caf\xe9 and more", "is not UTF-8 (bytes e9 at offset 3)", "iconv"),
        (b"\xef\xbb\xbfcaf\xe9", "is not UTF-8 (bytes e9 at offset 6)", "iconv"),
        (b"\xe2\x82 euro", "is not UTF-8 (bytes e2 82 at offset 0)", "iconv"),
        (b"\xff\xfeA\x00B", "is not UTF-16 (bytes 42 at offset 4)", "as UTF-8"),
        (b"\xff\xfe\x00\x00A\x00\x00\x00", "is UTF-32 (starts with ff fe 00 00)", "to UTF-8"),
        (b"one\0two", "is binary (a zero byte at offset 3)", "as plain text"),
        ("A text.".encode("utf-16-le"), "is binary (a zero byte at offset 1)", "as plain text"),
        (bytes(range(1, 9)) * 20, "is binary (control bytes)", "as plain text"),
        (b"%PDF-1.7 ...", "is a PDF", "as plain text"),
        (b"PK\x03\x04...", "is a ZIP archive or an office document", "as plain text"),
        (b"a" * (MAX_BYTES + 1), "is over 5 MB", "split it"),
    ],
)
def test_what_is_no_text_is_named_with_its_remedy(data, problem, remedy):
    with pytest.raises(InputError) as caught:
        decode(data, "a.txt")
    message = str(caught.value)
    assert message.startswith(f"a.txt: {problem}")
    assert remedy in message
    assert "\n" not in message


def test_five_megabytes_are_read_and_an_endless_file_is_not(tmp_path):
    largest = tmp_path / "largest.txt"
    largest.write_bytes(b"a" * MAX_BYTES)
    assert list(read_texts([str(largest)])) == [(str(largest), "a" * MAX_BYTES)]
    if Path("/dev/zero").exists():
        assert _only_error(list(read_texts(["/dev/zero"]))).startswith("/dev/zero: is over 5 MB")


def test_a_bad_file_does_not_stop_the_next(tmp_path):
    good = tmp_path / "good.txt"
    good.write_text(TEXT, newline="")
    names = [str(tmp_path / "missing"), str(tmp_path), "", str(good), str(good)]
    missing, folder, unnamed, *read = read_texts(names)
    assert str(missing) == f"{names[0]}: no such file; check the name"
    assert str(folder) == f"{tmp_path}: is a folder; name the files in it, as in {tmp_path}/*"
    assert str(unnamed) == "'': no such file; check the name"
    assert read == [(str(good), TEXT)] * 2


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (PermissionError(13, "Permission denied"), "may not be read by you; change its perm"),
        (OSError(5, "Input/output error"), "cannot be read (Input/output error); check the file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(monkeypatch, error, problem):
    def refuse(name: str) -> io.BytesIO:
        raise error

    monkeypatch.setattr(inputs, "_open", refuse)
    assert _only_error(list(read_texts(["a.txt"]))).startswith(f"a.txt: {problem}")
    with pytest.raises(InputError, match=r"^a\.jsonl: "):
        open_json_lines("a.jsonl")
    assert _only_error(list(read_texts(["-"]))).startswith("standard input: ")


def test_a_closed_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert _only_error(list(read_texts(["-"]))).startswith("standard input: is closed")


def test_files_are_opened_one_at_a_time(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    paths[0].write_text("first")
    items = read_texts(str(path) for path in paths)
    assert next(items) == (str(paths[0]), "first")
    paths[1].write_text("written after the reading began")
    assert next(items) == (str(paths[1]), "written after the reading began")


# --- JSON lines -----------------------------------------------------------------------------


def test_json_lines_keep_order_ids_and_characters():
    items = _read(
        {"id": "b", "text": TEXT},
        {"id": 1, "text": "number"},
        "",
        {"id": "1", "text": "the same as a string"},
        {"text": "nameless", "other": [1, 2]},
        {"id": None, "text": "no name either"},
    )
    assert items == [
        ("b", TEXT),
        (1, "number"),
        ("1", "the same as a string"),
        ("crawl.jsonl:5", "nameless"),
        ("crawl.jsonl:6", "no name either"),
    ]


def test_a_byte_order_mark_is_passed_over():
    assert _read(b'\xef\xbb\xbf{"id": 1, "text": "a"}', "\r", {"id": 2, "text": "b"}) == [
        (1, "a"),
        (2, "b"),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("not json", "is not JSON (Expecting value"),
        ('{"id": "a", "text": "cut off', "is not JSON ("),
        (b'{"text": "zero \0 byte"}', "is not JSON (Invalid control character"),
        ("[" * 100_000, "is not JSON ("),
        ('{"id": %s, "text": "x"}' % ("9" * 5_000), "is not JSON ("),
        (b'{"text": "caf\xe9"}', "is not UTF-8 (bytes e9 at offset 13)"),
        (b'{"text": "\xed\xa0\xbd"}', "is not UTF-8 (bytes ed at offset 10)"),
        ("[1, 2]", "is not a JSON object"),
        ('"text"', "is not a JSON object"),
        ({"id": "a"}, "lacks `text`"),
        ({"text": None}, "`text` is not a string"),
        ({"text": 5}, "`text` is not a string"),
        ({"text": ["a"]}, "`text` is not a string"),
        ({"text": " \n"}, "`text` is empty"),
        ({"id": True, "text": "x"}, "`id` is neither a string nor a whole number"),
        ({"id": 1.5, "text": "x"}, "`id` is neither a string nor a whole number"),
        ({"id": ["a"], "text": "x"}, "`id` is neither a string nor a whole number"),
        ('{"id": NaN, "text": "x"}', "`id` is neither a string nor a whole number"),
        ({"id": "first", "text": "x"}, "repeats the id 'first'"),
    ],
)
def test_a_bad_line_is_named_and_the_next_is_read(line, problem):
    first, bad, last = _read({"id": "first", "text": "one"}, line, {"id": 3, "text": "two"})
    assert (first, last) == (("first", "one"), (3, "two"))
    assert _only_error([bad]).startswith(f"crawl.jsonl:2: {problem}")
    assert "; " in str(bad), "the remedy is missing"


def test_escaped_characters_that_no_file_can_hold_are_kept_as_given():
    assert _read('{"id": "\\ud83d", "text": "a\\u0000b \\ud83d c"}') == [
        ("\ud83d", "a\0b \ud83d c")
    ]


def test_the_limit_on_a_text_counts_its_bytes():
    over, under = _read(
        '{"text": "%s"}' % ("é" * (MAX_BYTES // 2 + 1)),
        '{"text": "%s"}' % ("e" * (MAX_BYTES // 2 + 1)),
    )
    assert _only_error([over]).startswith("crawl.jsonl:1: `text` is over 5 MB; split it")
    assert isinstance(under, tuple)


def test_an_overlong_line_is_passed_over(monkeypatch):
    monkeypatch.setattr(inputs, "_MAX_LINE_BYTES", 40)
    long, good = _read({"id": 1, "text": "long " * 50}, {"id": 2, "text": "short"})
    assert good == (2, "short")
    assert str(long).startswith("crawl.jsonl:1: is over")


class _Endless(io.RawIOBase):
    """Ever more lines of 10 kB, counted as they are read."""

    def __init__(self, lines: int) -> None:
        self.left = lines
        self.given = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        if self.given == self.left:
            return b""
        self.given += 1
        return json.dumps({"id": self.given, "text": "ten bytes " * 1_000}).encode() + b"\n"


def test_lines_are_read_only_as_they_are_asked_for():
    stream: Any = _Endless(lines=1_000_000)
    items = read_json_lines(stream, "x")
    assert isinstance(items, Iterator)
    assert stream.given == 0
    assert [next(items)[0] for _ in range(3)] == [1, 2, 3]  # type: ignore[index]
    assert stream.given == 3


def test_memory_does_not_grow_with_the_lines():
    stream: Any = _Endless(lines=300)
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_json_lines(stream, "x"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 300
    assert peak < 300_000  # of the 3 MB that were read


def test_a_stream_that_breaks_off_is_an_error_and_the_end():
    class Broken(_Endless):
        def readline(self, size: int | None = -1, /) -> bytes:
            if self.given == 1:
                raise OSError(5, "Input/output error")
            return super().readline(size)

    stream: Any = Broken(lines=9)
    first, error = read_json_lines(stream, "x")
    assert isinstance(first, tuple)
    assert _only_error([error]) == "x: cannot be read (Input/output error); check the file"
