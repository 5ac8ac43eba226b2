"""The one path from a text to token logits, for training, evaluation and scoring alike.

text -> normalize -> tokens with offsets -> even windows -> logits per token -> mean. `train`
reads its crops and scores its evaluation sets through this module, and `serve` every text,
so what was measured is what is served. What turns windows into logits is a parameter
(`TokenLogits`): the bundle's ONNX graph, or the network in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.encoder import TokenLogits
from model.errors import BundleError
from model.labels import LABELS
from model.spans import text_parts
from model.text import NormalizedText, count_words, normalize
from model.windows import cut_windows, frame

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_NO_TOKENS = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Document:
    """A text as the encoder reads it.

    `token_ids` and `token_starts`, int32 [tokens], are the tokens and where each starts in the
    normalised text; `windows` are spans of tokens. `words` counts those of the normalised
    text, the count that calibration uses.
    """

    text: str
    normalized: NormalizedText
    token_ids: NDArray[np.int32]
    token_starts: NDArray[np.int32]
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
        return self.read_normalized(text, normalize(text))

    def read_normalized(self, text: str, normalized: NormalizedText) -> Document:
        """Tokenise and cut a text that was normalised before."""
        token_ids, token_starts = self._tokenize(normalized.text)
        return Document(
            text=text,
            normalized=normalized,
            token_ids=token_ids,
            token_starts=token_starts,
            windows=cut_windows(len(token_ids), self.max_tokens),
            words=count_words(normalized.text),
        )

    def frames(self, document: Document) -> list[list[int]]:
        """The document's windows as the encoder takes them, special tokens included."""
        return [
            frame(document.token_ids[start:end].tolist(), self.cls_id, self.sep_id)
            for start, end in document.windows
        ]

    def logits(
        self, documents: Iterable[Document], token_logits: TokenLogits
    ) -> Iterator[NDArray[np.float32]]:
        """Each document's logits, token by token: float32 [tokens, 4] each, in order.

        All documents are taken before this returns, and may be read while the encoder works
        on those before them; the logits come as they are ready.
        """
        counts: list[int] = []

        def windows() -> Iterator[list[int]]:
            for document in documents:
                counts.append(len(document.windows))
                yield from self.frames(document)

        rows = iter(token_logits(windows()))
        return (_join(list(islice(rows, count))) for count in counts)

    def _tokenize(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Ids and starts of the tokens of a normalised text, part by part.

        The tokenizer holds a hundred bytes for each character that it is given at once. No
        token of a BERT tokenizer crosses white space, so cutting there changes none.
        """
        ids, starts = [_NO_TOKENS], [_NO_TOKENS]
        for start, end in text_parts(text, (" ",)):
            encoding = self._tokenizer.encode(text[start:end], add_special_tokens=False)
            ids.append(np.asarray(encoding.ids, dtype=np.int32))
            offsets = np.asarray(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            starts.append(start + offsets[:, 0])
        return np.concatenate(ids), np.concatenate(starts)


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
