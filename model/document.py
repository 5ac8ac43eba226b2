"""The one path from a text to token logits, for training, evaluation and scoring alike.

text -> normalize -> tokens with offsets -> even windows -> logits per token -> mean. `train`
reads its crops and scores its evaluation sets through this module, and `serve` every text,
so what was measured is what is served. What turns windows into logits is a parameter
(`TokenLogits`): the bundle's ONNX graph, or the network in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.encoder import TokenLogits
from model.errors import BundleError
from model.labels import LABELS
from model.text import NormalizedText, count_words, normalize
from model.windows import cut_windows, frame

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Document:
    """A text as the encoder reads it.

    `token_spans` are offsets [start, end) into the normalised text, `windows` spans of
    tokens. `words` counts those of the normalised text, the count that calibration uses.
    """

    text: str
    normalized: NormalizedText
    token_ids: list[int]
    token_spans: list[tuple[int, int]]
    windows: list[tuple[int, int]]
    words: int


class DocumentReader:
    """Turns texts into documents: one tokenizer and one window length."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        """Take over the tokenizer: truncation and padding are switched off."""
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.cls_id = _special_id(tokenizer, "[CLS]", "<s>")
        self.sep_id = _special_id(tokenizer, "[SEP]", "</s>")

    @classmethod
    def from_file(cls, tokenizer_file: Path, max_tokens: int) -> DocumentReader:
        """Read a tokenizer.json; raises BundleError where it is none."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # the library raises plain Exception
            raise BundleError(
                f"{tokenizer_file}: not a tokenizer ({error}); export again"
            ) from error
        return cls(tokenizer, max_tokens)

    def read(self, text: str) -> Document:
        """Normalise, tokenise and cut one text."""
        normalized = normalize(text)
        encoding = self._tokenizer.encode(normalized.text, add_special_tokens=False)
        token_ids = encoding.ids
        return Document(
            text=text,
            normalized=normalized,
            token_ids=token_ids,
            token_spans=encoding.offsets,
            windows=cut_windows(len(token_ids), self.max_tokens),
            words=count_words(normalized.text),
        )

    def frames(self, document: Document) -> list[list[int]]:
        """The document's windows as the encoder takes them, special tokens included."""
        return [
            frame(document.token_ids[start:end], self.cls_id, self.sep_id)
            for start, end in document.windows
        ]

    def logits(
        self, documents: Sequence[Document], token_logits: TokenLogits
    ) -> list[NDArray[np.float32]]:
        """Each document's logits, token by token: float32 [tokens, 4] each."""
        frames = [self.frames(document) for document in documents]
        rows = iter(token_logits([window for windows in frames for window in windows]))
        return [_join([next(rows) for _ in windows]) for windows in frames]


def mean_logits(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """A document's logits: the mean over all its tokens, [tokens, 4] to [4]."""
    return np.asarray(logits.mean(axis=0, dtype=np.float64))


def _join(windows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if not windows:
        return np.zeros((0, len(LABELS)), dtype=np.float32)
    return np.concatenate(windows)


def _special_id(tokenizer: Tokenizer, *names: str) -> int:
    for name in names:
        token_id = tokenizer.token_to_id(name)
        if token_id is not None:
            return int(token_id)
    raise BundleError(f"the tokenizer has none of {', '.join(names)}; export the bundle again")
