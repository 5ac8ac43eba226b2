"""Spans of a text, [start, end) in characters, and how those that belong together are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]


def touch(end: int, start: int) -> bool:
    """Whether a span that starts at `start` meets or overlaps one that ends at `end`."""
    return start <= end


def joined(spans: Iterable[Span], belong: Callable[[int, int], bool] = touch) -> Iterator[Span]:
    """Ascending spans, neighbours made one where `belong(end, next start)` says so."""
    current: Span | None = None
    for start, end in spans:
        if current and belong(current[1], start):
            current = current[0], max(current[1], end)
            continue
        if current:
            yield current
        current = start, end
    if current:
        yield current
