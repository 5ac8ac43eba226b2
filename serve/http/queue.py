"""The queue in front of the scorer: what waits while the scorer is busy is scored together.

Requests of all shapes end here. Texts are served first come, first served, whatever request
they belong to: a queue that is bounded keeps everybody's wait bounded, and what may be promised
on entry can be kept. Nothing waits for a batch to fill. One thread scores, and the scorer uses
every core from there, so the event loop stays free.

A text is charged by its characters, at four to a token, because counting tokens would cost a
tenth of scoring them. How long a character takes is learned from articles alone: one of a text that
gets no score costs a fortieth, and whoever sent such texts would make the queue promise too much.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from model.errors import ConfigError
from model.policies import choose_threshold, parse_choice
from model.result import Result, TextId
from serve.http.errors import ServiceError

if TYPE_CHECKING:
    from serve.http.metrics import Metrics
    from serve.http.settings import Settings
    from serve.scorer import Scorer

Outcome: TypeAlias = Result | ServiceError

_CHARACTERS_PER_TOKEN = 4
_FADING = 0.8  # how much of what was measured before a batch still counts after it
_WARM_UP = "The council met on Tuesday, and the mayor spoke about the school for an hour. " * 8

_FAILED = "this text could not be scored; please report it"

_log = logging.getLogger("respun")


@dataclass(eq=False, slots=True)
class _Entry:
    """One text that waits: `outcome` is done once it is scored, or nobody wants it any more."""

    name: TextId
    text: str
    threshold: str | float | None
    outcome: asyncio.Future[Outcome]


class ScoringQueue:
    """Scores texts in batches across requests; to be used from one event loop."""

    def __init__(self, scorer: Scorer, settings: Settings, metrics: Metrics) -> None:
        """Start the scoring thread; it ends with `drain`."""
        self._scorer = scorer
        self._settings = settings
        self._metrics = metrics
        self._waiting: dict[_Entry, None] = {}  # in order, and any can leave at once
        self._held_texts = self._held_characters = 0  # waiting or being scored
        self._scored_characters = self._scored_s = 0.0  # fading sums, for the speed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="respun-scorer")
        self._work: asyncio.Task[None] | None = None
        self._stopping = False

    def warm_up(self) -> None:
        """Load what loads late, and measure how fast this machine scores; blocks meanwhile."""
        self._scorer.score([_WARM_UP])
        started = time.perf_counter()
        self._scorer.score([_WARM_UP])
        self._learn(len(_WARM_UP), time.perf_counter() - started)

    async def score(
        self,
        texts: Sequence[tuple[TextId, str]],
        *,
        explain: bool = False,
        threshold: str | float | None = None,
        deadline_s: float | None = None,
    ) -> list[Outcome]:
        """One result or error per text, in order; a text that fails leaves its neighbours alone.

        `threshold` and `deadline_s` are the service's own where they are None. Raises
        ServiceError for the whole call: `invalid` (the threshold), `too_large`, `overloaded`,
        `stopping`, `deadline`.
        """
        self.check_count(len(texts))
        chosen = self._threshold(threshold)
        deadline_s = self._settings.deadline_s if deadline_s is None else deadline_s
        problems = [self.problem(text, place) for place, (_, text) in enumerate(texts)]
        wanted = [text for text, problem in zip(texts, problems, strict=True) if not problem]
        self._admit(wanted, deadline_s)
        entries = self._enter(wanted, chosen)
        try:
            async with asyncio.timeout(deadline_s):
                outcomes = iter([await entry.outcome for entry in entries])
        except TimeoutError as error:
            raise ServiceError(
                "deadline",
                f"not scored within {deadline_s:g} s; send fewer or shorter texts, or try later",
                retry_after=self._seconds_behind(),
            ) from error
        finally:
            self._leave(entries)
        return [problem or _as_asked(next(outcomes), explain) for problem in problems]

    async def score_all(
        self,
        texts: Sequence[tuple[TextId, str]],
        *,
        explain: bool = False,
        deadline_s: float | None = None,
    ) -> list[Result]:
        """One result per text, for shapes that have no place for the error of one of several.

        Raises ServiceError as `score` does and for the first text that fails, before anything is
        scored where it could be seen then.
        """
        self.check_count(len(texts))
        for place, (_, text) in enumerate(texts):
            if problem := self.problem(text, place):
                raise problem
        results = []
        for outcome in await self.score(texts, explain=explain, deadline_s=deadline_s):
            if isinstance(outcome, ServiceError):
                raise outcome
            results.append(outcome)
        return results

    def check_count(self, count: int, what: str = "texts") -> None:
        """Raise ServiceError where one request holds more of them than may be scored at once."""
        limit = self._settings.request_texts
        if count > limit:
            raise ServiceError(
                "too_large", f"{count:,} {what} in one request, and {limit:,} are the most", what
            )

    def problem(self, text: str, place: int = 0) -> ServiceError | None:
        """What keeps a text from being scored, as far as can be seen without scoring it.

        `invalid` where it is empty, `too_large` where it is too long.
        """
        limit = self._settings.text_characters
        where = f"texts.{place}"
        if not text or text.isspace():
            return ServiceError(
                "invalid", f"text {place} is empty; give it the text of an article", where
            )
        if len(text) > limit:
            return ServiceError(
                "too_large",
                f"text {place} has {len(text):,} characters, and {limit:,} are the most; split it",
                where,
            )
        return None

    async def drain(self) -> None:
        """Refuse what comes, score what is there, then end the scoring thread."""
        self._stopping = True
        if self._work is not None:
            await self._work
        self._thread.shutdown()

    def _threshold(self, choice: str | float | None) -> str | float | None:
        if choice is None:
            return None
        try:
            parsed = parse_choice(choice)
            choose_threshold(self._scorer.manifest.thresholds, parsed)
        except ConfigError as error:
            raise ServiceError("invalid", str(error), where="threshold") from error
        return parsed

    def _admit(self, texts: Sequence[tuple[TextId, str]], deadline_s: float) -> None:
        """Refuse what could never fit, what does not fit now, and what could not be kept."""
        settings = self._settings
        characters = sum(len(text) for _, text in texts)
        if self._stopping:
            raise ServiceError("stopping", "the service shuts down; ask again", retry_after=1)
        if characters > settings.queue_characters:
            raise ServiceError(
                "too_large",
                f"{characters:,} characters in one request, and {settings.queue_characters:,} "
                "are the most; send fewer texts at once",
                "texts",
            )
        full = (
            self._held_texts + len(texts) > settings.queue_texts
            or self._held_characters + characters > settings.queue_characters
        )
        late = self._expected_s(self._held_characters + characters) > deadline_s
        if full or (self._held_texts and late):
            raise ServiceError(
                "overloaded",
                f"{self._held_texts} texts wait already; try again later",
                retry_after=self._seconds_behind(),
            )

    def _expected_s(self, characters: int) -> float:
        """How long so many characters take, at the speed measured so far; 0 while unknown."""
        if not self._scored_characters:
            return 0.0
        return characters * self._scored_s / self._scored_characters

    def _seconds_behind(self) -> int:
        expected = math.ceil(self._expected_s(self._held_characters))
        return min(max(expected, 1), math.ceil(self._settings.deadline_s))

    def _enter(
        self, texts: Iterable[tuple[TextId, str]], threshold: str | float | None
    ) -> list[_Entry]:
        loop = asyncio.get_running_loop()
        entries = [_Entry(name, text, threshold, loop.create_future()) for name, text in texts]
        self._waiting.update(dict.fromkeys(entries))
        self._hold(len(entries), sum(len(entry.text) for entry in entries))
        if entries and (self._work is None or self._work.done()):
            self._work = loop.create_task(self._score_waiting())
        return entries

    def _leave(self, entries: Iterable[_Entry]) -> None:
        """Take out what still waits: its request is gone, or is out of time."""
        for entry in entries:
            entry.outcome.cancel()  # no effect on one that is done
            if entry in self._waiting:
                del self._waiting[entry]
                self._hold(-1, -len(entry.text))

    def _hold(self, texts: int, characters: int) -> None:
        self._held_texts += texts
        self._held_characters += characters
        self._metrics.queue(self._held_texts, self._held_characters)

    async def _score_waiting(self) -> None:
        """Score batch after batch until nothing waits; a batch that fails stops no other."""
        while batch := self._next_batch():
            try:
                outcomes = await self._score_apart(batch)
            except Exception as error:
                _log_failure("a batch could not be scored", error)
                outcomes = [ServiceError("internal", _FAILED)] * len(batch)
            finally:
                self._hold(-len(batch), -sum(len(entry.text) for entry in batch))
            for entry, outcome in zip(batch, outcomes, strict=True):
                if not entry.outcome.done():
                    entry.outcome.set_result(outcome)

    def _next_batch(self) -> list[_Entry]:
        """What waits, up to the budget of tokens; a longer text goes alone."""
        budget = self._settings.batch_tokens * _CHARACTERS_PER_TOKEN
        batch: list[_Entry] = []
        for entry in self._waiting:
            budget -= len(entry.text)
            if batch and budget < 0:
                break
            batch.append(entry)
        for entry in batch:
            del self._waiting[entry]
        return batch

    async def _score_apart(self, batch: Sequence[_Entry]) -> list[Outcome]:
        """Score a batch in the scoring thread, and note what it was and how long it took."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        outcomes = await loop.run_in_executor(self._thread, self._score, batch)
        self._measure(batch, outcomes, time.perf_counter() - started)
        return outcomes

    def _score(self, batch: Sequence[_Entry]) -> list[Outcome]:
        """Runs in the scoring thread."""
        outcomes: dict[_Entry, Outcome] = {}
        for threshold in dict.fromkeys(entry.threshold for entry in batch):
            alike = [entry for entry in batch if entry.threshold == threshold]
            scorer = self._scorer if threshold is None else self._scorer.with_threshold(threshold)
            outcomes.update(zip(alike, _scored(scorer, alike), strict=True))
        return [outcomes[entry] for entry in batch]

    def _measure(
        self, batch: Sequence[_Entry], outcomes: Sequence[Outcome], seconds: float
    ) -> None:
        scored = sum(
            len(entry.text)
            for entry, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Result) and outcome.score is not None
        )
        # What the others cost is lost in the noise unless most of the batch was theirs.
        if 2 * scored > sum(len(entry.text) for entry in batch):
            self._learn(scored, seconds)
        self._metrics.batch(len(batch), seconds)
        for outcome in outcomes:
            if isinstance(outcome, Result):
                self._metrics.verdict(outcome.verdict)

    def _learn(self, characters: int, seconds: float) -> None:
        self._scored_characters = _FADING * self._scored_characters + characters
        self._scored_s = _FADING * self._scored_s + seconds


def _scored(scorer: Scorer, entries: Sequence[_Entry]) -> Iterator[Outcome]:
    """Score texts together or, should that fail, each alone, so that only the bad one fails."""
    try:
        yield from scorer.score([(entry.name, entry.text) for entry in entries], explain=True)
    except Exception as error:  # whatever it is, the other texts must not suffer
        if len(entries) > 1:
            for entry in entries:
                yield from _scored(scorer, [entry])
            return
        _log_failure(f"a text of {len(entries[0].text)} characters could not be scored", error)
        yield ServiceError("internal", _FAILED)


def _log_failure(what: str, error: Exception) -> None:
    """The error's own message may quote a text: only its kind and its place are logged."""
    places = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s: %s at\n%s", what, type(error).__name__, places)


def _as_asked(outcome: Outcome, explain: bool) -> Outcome:
    if isinstance(outcome, ServiceError) or explain:
        return outcome
    return replace(outcome, passages=())
