"""A progress line on standard error, for whoever watches a run of more than two seconds.

Beside the command line, never in the way of it: it shows only on a terminal, is wiped before
anything else is written, and lives in a few lines rather than in a dependency.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

_DELAY_S = 2.0
_EVERY_S = 0.2
_BAR_WIDTH = 24


class Progress:
    """Counts texts done and redraws itself; a context manager, silent off a terminal."""

    def __init__(self, total: int | None, stream: TextIO | None = None) -> None:
        """`total` is how many texts are to come, None where nobody knows."""
        self._total = total
        self._done = 0
        self._stream = sys.stderr if stream is None else stream
        self._started = time.monotonic()
        self._drawn = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        with self.wiped():
            pass

    def advance(self, texts: int) -> None:
        """Count texts as done."""
        self._done += texts

    @contextmanager
    def wiped(self) -> Iterator[None]:
        """Keep the line off the terminal while something else is written there."""
        with self._lock:
            if self._drawn:
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                self._drawn = False
            yield

    def _tick(self) -> None:
        if self._stop.wait(_DELAY_S):
            return
        while not self._stop.wait(_EVERY_S):
            with self._lock:
                if self._stop.is_set():
                    return
                self._stream.write("\r\x1b[K" + self._line(time.monotonic() - self._started))
                self._stream.flush()
                self._drawn = True

    def _line(self, elapsed_s: float) -> str:
        rate = self._done / elapsed_s
        if self._total is None:
            return f"{self._done} texts, {rate:.1f}/s, {elapsed_s:.0f} s"
        filled = _BAR_WIDTH * self._done // max(self._total, 1)
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        left = f", {(self._total - self._done) / rate:.0f} s left" if self._done else ""
        return f"[{bar}] {self._done}/{self._total} texts, {elapsed_s:.0f} s{left}"
