"""Cutting a tokenised text into windows that the encoder can read.

The encoder reads `max_tokens` at a time; an article is longer. Windows do not overlap and
are as even as they can be: a short last window would be scored on little evidence. Every
token lies in exactly one window, so the document's logit is the mean over all its tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def cut_windows(token_count: int, max_tokens: int) -> list[tuple[int, int]]:
    """Even spans [start, end) that cover `token_count` tokens, each at most `max_tokens`.

    `max_tokens` counts content tokens only; the two special tokens come on top.
    """
    if token_count == 0:
        return []
    windows = -(-token_count // max_tokens)
    bounds = [index * token_count // windows for index in range(windows + 1)]
    return list(pairwise(bounds))


def frame(token_ids: Sequence[int], cls_id: int, sep_id: int) -> list[int]:
    """One window's content tokens between the encoder's two special tokens."""
    return [cls_id, *token_ids, sep_id]


def run_in_batches(
    windows: Sequence[Sequence[int]],
    batch_tokens: int,
    pad_id: int,
    run: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
) -> list[NDArray[np.float32]]:
    """Framed windows of T ids each to float32 [T - 2, 4] each; those of like length together.

    `run` takes ids and attention mask, [B, T] each, of at most `batch_tokens` or of one window,
    and gives logits [B, T, 4].
    """
    order = sorted(range(len(windows)), key=lambda index: len(windows[index]))
    rows: dict[int, NDArray[np.float32]] = {}
    batch: list[int] = []
    for position, index in enumerate(order):
        batch.append(index)
        last = position + 1 == len(order)
        if last or (len(batch) + 1) * len(windows[order[position + 1]]) > batch_tokens:
            logits = run(*pad([windows[member] for member in batch], pad_id))
            for row, member in enumerate(batch):
                rows[member] = logits[row, 1 : len(windows[member]) - 1]
            batch = []
    return [rows[index] for index in range(len(windows))]


def pad(
    windows: Sequence[Sequence[int]], pad_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids [B, T] padded to the longest window, and the attention mask [B, T]."""
    longest = max(map(len, windows))
    ids = np.full((len(windows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(windows), longest), dtype=np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask
