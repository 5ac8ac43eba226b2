from __future__ import annotations

import io
import time

import pytest

from serve import progress
from serve.progress import Progress

WIPE = "\r\x1b[K"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch):
    monkeypatch.setattr(progress, "_DELAY_S", 0.0)
    monkeypatch.setattr(progress, "_EVERY_S", 0.001)


def _wait_for(stream: io.StringIO, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in stream.getvalue():
        assert time.monotonic() < deadline, f"{text!r} was never drawn: {stream.getvalue()!r}"
        time.sleep(0.002)


def test_it_is_silent_off_a_terminal():
    stream = io.StringIO()
    with Progress(3, stream) as bar:
        bar.advance(1)
        time.sleep(0.02)
        with bar.wiped():
            pass
    assert stream.getvalue() == ""


def test_it_counts_and_leaves_no_trace():
    stream = _Terminal()
    with Progress(4, stream) as bar:
        bar.advance(2)
        _wait_for(stream, "2/4 texts")
    assert "[############............] 2/4 texts, " in stream.getvalue()
    assert stream.getvalue().endswith(WIPE)


def test_it_counts_without_knowing_the_end():
    stream = _Terminal()
    with Progress(None, stream) as bar:
        bar.advance(5)
        _wait_for(stream, "5 texts, ")


def test_nothing_is_drawn_while_something_else_is_written():
    stream = _Terminal()
    with Progress(4, stream) as bar:
        _wait_for(stream, "0/4 texts")
        with bar.wiped():
            stream.write("a result\n")
            time.sleep(0.02)
            assert stream.getvalue().endswith(f"{WIPE}a result\n")
