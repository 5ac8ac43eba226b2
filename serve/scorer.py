"""The scorer: texts in, results out, in order.

The one way to a score; command line, service and batch all call it. Heavy imports wait for
`Scorer.load`, so that importing `serve` costs nothing. After loading a scorer never changes,
so one instance serves any number of threads, and a text's result depends on nothing but the
text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from model.errors import InputError
from model.result import ModelName, Result, TextId, ThresholdUsed, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model.bundle import Bundle, Manifest
    from model.document import Document, DocumentReader
    from model.encoder import Device, Encoder
    from model.signals import Signal

Text: TypeAlias = str | tuple[TextId, str]
"""A text, alone or with the caller's id; a text alone is named by its place, "0", "1", ..."""


class Scorer:
    """Scores news articles: how likely a machine wrote or rewrote each.

    >>> from serve import Scorer
    >>> scorer = Scorer.load()                                    # doctest: +SKIP
    >>> [result.verdict for result in scorer.score([article])]    # doctest: +SKIP
    ['machine']
    """

    def __init__(
        self, bundle: Bundle, reader: DocumentReader, encoder: Encoder, threshold: ThresholdUsed
    ) -> None:
        """Put a scorer together from its parts; `Scorer.load` does it from a folder."""
        from model.signals import measured_shares

        self._bundle = bundle
        self._reader = reader
        self._encoder = encoder
        self.threshold = threshold
        manifest = bundle.manifest
        self._shares = measured_shares(manifest.measured)
        self.model = ModelName(manifest.name, manifest.version, bundle.sha256)

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself: lines, calibration, what was measured."""
        return self._bundle.manifest

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] | None = None,
        device: Device = "cpu",
        threshold: str | float = "fpr-1pct",
        threads: int | None = None,
    ) -> Scorer:
        """Load a bundle, by default the one that ships with the code.

        `threshold` is fpr-1pct, fpr-5pct, fpr-0.1pct or a score from 0 to 1; `threads` is
        how many windows of text are read at once, by default one per core.
        Raises BundleError for weights that cannot be used, ConfigError for the rest.
        """
        from model.bundle import load_bundle
        from model.document import DocumentReader
        from model.encoder import Encoder, check_device
        from model.policies import choose_threshold

        check_device(device)
        bundle = load_bundle(model, device=device)
        policy, value = choose_threshold(bundle.manifest.thresholds, threshold)
        return cls(
            bundle,
            DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens),
            Encoder(bundle.encoder_file(device), device, threads),
            ThresholdUsed(policy, value, bundle.manifest.passages.threshold),
        )

    def with_threshold(self, threshold: str | float) -> Scorer:
        """The same scorer with another threshold; it shares the loaded weights.

        Raises ConfigError for a threshold that is none, as `load` does.
        """
        from model.policies import choose_threshold

        policy, value = choose_threshold(self._bundle.manifest.thresholds, threshold)
        used = ThresholdUsed(policy, value, self.threshold.passages)
        return Scorer(self._bundle, self._reader, self._encoder, used)

    def score(self, texts: Sequence[Text], explain: bool = False) -> list[Result]:
        """Score texts; the results come in the order of the texts.

        A text is a string or an (id, string) pair. With `explain`, results hold their
        passages. Raises InputError for anything that is not text; texts that are too short
        or not English get a result that says so.
        """
        if isinstance(texts, str | bytes):
            raise InputError(
                f"texts is one {type(texts).__name__}, whose characters would each be scored; "
                "pass a list, as in score([text])"
            )
        named = [_named(place, text) for place, text in enumerate(texts)]
        read: list[tuple[Document, str | None]] = []
        logits = self._reader.logits(self._to_score(named, read), self._encoder.token_logits)
        return [
            self._scored(name, document, next(logits), explain)
            if language == "en"
            else self._unscored(name, document, language)
            for (name, _), (document, language) in zip(named, read, strict=True)
        ]

    def _to_score(
        self, named: Sequence[tuple[TextId, str]], read: list[tuple[Document, str | None]]
    ) -> Iterator[Document]:
        """The documents that can be scored, one by one; all that were read go to `read`."""
        from model.language import detect_language

        for _, text in named:
            document = self._reader.read(text)
            language = None
            if not self._is_short(document):
                language = detect_language(document.normalized.text)
            read.append((document, language))
            if language == "en":
                yield document

    def _threshold_for(self, document: Document) -> ThresholdUsed:
        from model.policies import FIXED_POLICY

        policy = self.threshold.policy
        if policy == FIXED_POLICY:
            return self.threshold
        line = self._bundle.manifest.line(policy, document.words)
        return ThresholdUsed(policy, line, self.threshold.passages)

    def _signals(self, document: Document) -> tuple[Signal, ...]:
        from model.signals import find_signals

        return find_signals(document.text, document.normalized, self._shares)

    def _is_short(self, document: Document) -> bool:
        return document.words < self._bundle.manifest.minimum_words or not document.windows

    def _scored(
        self, name: TextId, document: Document, logits: NDArray[np.float32], explain: bool
    ) -> Result:
        from model.calibration import kind_probabilities
        from model.document import mean_logits
        from model.passages import find_passages, machine_share
        from model.policies import UNCERTAIN_POLICY, decide

        manifest = self._bundle.manifest
        mean = mean_logits(logits)
        score = float(manifest.calibration.score(mean, document.words))
        passages = find_passages(document, logits, manifest.passages)
        threshold = self._threshold_for(document)
        return Result(
            id=name,
            score=score,
            verdict=decide(score, threshold.value, manifest.line(UNCERTAIN_POLICY, document.words)),
            p_human=manifest.human.p_human(score, document.words),
            kinds=kind_probabilities(mean, score),
            machine_share=machine_share(passages, threshold.passages),
            passages=tuple(passages) if explain else (),
            signals=self._signals(document),
            words=document.words,
            tokens=len(document.token_ids),
            windows=len(document.windows),
            language="en",
            threshold=threshold,
            model=self.model,
        )

    def _unscored(self, name: TextId, document: Document, language: str | None) -> Result:
        minimum = self._bundle.manifest.minimum_words
        verdict: Verdict = "too_short" if language is None else "unsupported_language"
        reason = (
            f"{document.words} words, and at least {minimum} are needed"
            if language is None
            else f"the text reads as {language!r}, and only English ('en') can be scored"
        )
        return Result(
            id=name,
            score=None,
            verdict=verdict,
            p_human=None,
            kinds=None,
            machine_share=None,
            passages=(),
            signals=self._signals(document),
            words=document.words,
            tokens=len(document.token_ids),
            windows=len(document.windows),
            language=language,
            threshold=self._threshold_for(document),
            model=self.model,
            reason=reason,
        )


def _named(place: int, text: object) -> tuple[TextId, str]:
    match text:
        case str():
            return str(place), text
        case (str() | int() as name, str() as content):
            return name, content
    raise InputError(
        f"text {place} is {type(text).__name__}, not text; pass a str or an (id, str) pair"
    )
