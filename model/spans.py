"""Spans of a text, [start, end) in characters, and how those that belong together are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

_PART_CHARACTERS = 20_000


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


def text_parts(text: str, marks: Iterable[str]) -> Iterator[Span]:
    """Parts of a bounded size that cover a text, for what cannot take a long one at once.

    Each is cut after the last of the first of `marks` that stands in its second half; where
    there is none, anywhere.
    """
    start = 0
    while start < len(text):
        end = len(text)
        if end - start > _PART_CHARACTERS:
            end = start + _PART_CHARACTERS
            for mark in marks:
                found = text.rfind(mark, start + _PART_CHARACTERS // 2, end)
                if found > 0:
                    end = found + len(mark)
                    break
        yield start, end
        start = end
