"""One-number features of a text: what a detector must beat before it may be called one.

Public corpora differ in format as well as in style: one side kept its line breaks, the
other its curly quotes. Each feature here is a scalar that a person can read off the page;
the data card lists how far each tells human from machine by itself (the leak table), and
measurement puts them beside the encoder. They read the text as given, because what
`normalize` removes is just what leaks.

All but `words` and the means are rates, so that length alone does not drive them.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)]*\s+(?=[\"'“‘(]?[A-Z0-9])")
_TYPE_TOKEN_WORDS = 100  # the type-token ratio falls with length, so it reads one length only

_COUNTED: dict[str, re.Pattern[str]] = {
    "line_breaks": re.compile(r"\n+"),
    "double_quotes": re.compile(r"[\"“”„«»]"),
    "curly_quotes": re.compile(r"[“”‘’]"),
    "apostrophes": re.compile(r"(?<=\w)['’](?=\w)"),
    "commas": re.compile(r","),
    "dashes": re.compile(r"[–—]|(?<=\s)--?(?=\s)|--"),
    "hyphens": re.compile(r"(?<=\w)-(?=\w)"),
    "colons": re.compile(r"[:;]"),
    "brackets": re.compile(r"[(\[]"),
    "questions": re.compile(r"[?!]"),
    "digits": re.compile(r"\d+"),
    "capitals": re.compile(r"\b[A-Z]"),
}

FEATURE_NAMES: tuple[str, ...] = (
    "words",
    "word_length",
    "sentence_words",
    "type_token_ratio",
    *_COUNTED,
)


def text_features(text: str) -> dict[str, float]:
    """Measure each of `FEATURE_NAMES`, in that order.

    `words` is a count; `word_length` (characters) and `sentence_words` are means;
    `type_token_ratio` is over the first 100 words; all others are per 100 words.
    """
    words = _WORD.findall(text)
    count = max(1, len(words))
    first = [word.lower() for word in words[:_TYPE_TOKEN_WORDS]]
    sentences = 1 + len(_SENTENCE_END.findall(text))
    return {
        "words": float(len(words)),
        "word_length": sum(map(len, words)) / count,
        "sentence_words": len(words) / sentences,
        "type_token_ratio": len(set(first)) / max(1, len(first)),
        **{name: 100 * len(found.findall(text)) / count for name, found in _COUNTED.items()},
    }
