"""Cutting a tokenised text into windows that the encoder can read.

The encoder reads `max_tokens` at a time; an article is longer. Windows do not overlap and
are as even as they can be: a short last window would be scored on little evidence. Every
token lies in exactly one window, so the document's logit is the mean over all its tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


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
