"""Texts that go round in circles: a tenth or more of them are the same words, three times over.

One of the traces that `model.signals` lists; older generators leave it. People repeat
themselves too, and pages carry a caption or a pull quote twice: of some 2,700 human news
articles 1.2% hold eight words that come three times, but 0.4% consist of such to a tenth
(most of them pasted together twice over), against 3% of those that older models generated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from model.spans import Span, joined

RUN_WORDS = 8
LEAST_TIMES = 3
LEAST_SHARE = 0.1  # of the characters

_LEAST_LOWER = 5  # words of a run without a capital; names and titles have fewer
_WORD = re.compile(r"\w+(?:'\w+)*+")


def repeated_runs(text: str) -> list[Span]:
    """Where the words stand that a normalised text goes round in, ascending; none if it does not.

    Those are runs of `RUN_WORDS` words that come `LEAST_TIMES` times or more and are, together,
    `LEAST_SHARE` of the text. The first time counts as well; runs that touch are one. Case makes
    no difference.
    """
    spans = list(joined(_repeated(text)))
    covered = sum(end - start for start, end in spans)
    return spans if covered >= LEAST_SHARE * len(text) else []


def _repeated(text: str) -> Iterator[Span]:
    words = list(_WORD.finditer(text))
    runs = _hashes([match[0].lower() for match in words])
    times = Counter(runs)
    lower = _counts_of_lower([match[0] for match in words])
    for index, run in enumerate(runs):
        if times[run] >= LEAST_TIMES and lower[index] >= _LEAST_LOWER:
            yield words[index].start(), words[index + RUN_WORDS - 1].end()


def _hashes(words: Sequence[str]) -> list[int]:
    """A number for each run of words: equal runs have equal ones, others practically never."""
    ahead = (words[start:] for start in range(RUN_WORDS))
    return [hash(run) for run in zip(*ahead, strict=False)]


def _counts_of_lower(words: Sequence[str]) -> list[int]:
    """How many words of each run are in lower case."""
    ahead = [0]
    for word in words:
        ahead.append(ahead[-1] + word.islower())
    return [after - before for before, after in zip(ahead, ahead[RUN_WORDS:], strict=False)]
