from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

import pytest

from serve import Result, Scorer
from serve.http.errors import ServiceError
from serve.http.metrics import Metrics
from serve.http.queue import ScoringQueue
from serve.http.settings import Settings


def queue_of(scorer, **settings):
    return ScoringQueue(scorer, replace(Settings(), **settings), Metrics())


async def _until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_results_are_the_scorers_own_and_a_bad_text_has_its_place(
    held, toy_article, german_article
):
    texts: list[tuple[str | int, str]] = [
        ("a", toy_article),
        (7, " \n"),
        ("c", german_article),
        ("d", "x" * 5001),
        ("e", "\0"),
    ]

    async def run():
        queue = queue_of(held, maximum_text_characters=5000)
        plain, explained = await asyncio.gather(
            queue.score(texts), queue.score(texts, explain=True)
        )
        await queue.drain()
        return plain, explained

    plain, explained = asyncio.run(run())
    good: list[tuple[str | int, str]] = [texts[0], texts[2], texts[4]]
    expected = Scorer.score(held, good, explain=True)
    assert [explained[0], explained[2], explained[4]] == expected
    assert plain[0] == replace(expected[0], passages=())
    assert expected[0].passages
    for outcomes in (plain, explained):
        errors = [(error.kind, error.where) for error in (outcomes[1], outcomes[3])]
        assert errors == [("invalid", "texts.1"), ("too_large", "texts.3")]


def test_what_waits_while_the_scorer_is_busy_goes_together(held):
    async def run():
        queue = queue_of(held)
        held.free.clear()
        first = asyncio.create_task(queue.score([("a", "one")]))
        await _until(lambda: held.calls)
        others = [asyncio.create_task(queue.score([("b", f"text {n}")])) for n in range(9)]
        await asyncio.sleep(0.05)
        held.free.set()
        await asyncio.gather(first, *others)
        await queue.drain()

    asyncio.run(run())
    assert held.calls == [["one"], [f"text {n}" for n in range(9)]]


def test_a_batch_ends_at_the_budget_and_a_long_text_goes_alone(held):
    lengths = [50, 30, 40, 500, 60, 30]

    async def run():
        queue = queue_of(held, batch_tokens=25)
        held.free.clear()
        first = asyncio.create_task(queue.score([("0", "x")]))
        await _until(lambda: held.calls)
        rest = asyncio.create_task(queue.score([("n", "x" * length) for length in lengths]))
        await asyncio.sleep(0.05)
        held.free.set()
        await asyncio.gather(first, rest)
        await queue.drain()

    asyncio.run(run())
    sizes = [[len(text) for text in call] for call in held.calls]
    assert sizes == [[1], [50, 30], [40], [500], [60, 30]]


@pytest.mark.parametrize(
    "limits", [{"queue_texts": 4}, {"queue_characters": 40}], ids=["texts", "characters"]
)
def test_a_full_queue_refuses_and_takes_again_what_fits(held, limits):
    async def run():
        queue = queue_of(held, **limits)
        held.free.clear()
        first = asyncio.create_task(queue.score([("0", "x" * 10)]))
        await _until(lambda: held.calls)
        second = asyncio.create_task(queue.score([("1", "y" * 10)] * 3))
        await asyncio.sleep(0.01)
        with pytest.raises(ServiceError) as refused:
            await queue.score([("2", "z")])
        held.free.set()
        await asyncio.gather(first, second)
        assert len(await queue.score([("2", "z")])) == 1
        await queue.drain()
        return refused.value

    error = asyncio.run(run())
    assert (error.kind, error.status) == ("overloaded", 429)
    assert error.retry_after is not None
    assert error.retry_after >= 1


@pytest.mark.parametrize(
    ("texts", "where"),
    [([("0", "x")] * 5, "texts"), ([("0", "x" * 90), ("1", "x" * 90)], "texts")],
    ids=["texts", "characters"],
)
def test_what_never_fits_is_too_large_and_not_overloaded(held, texts, where):
    async def run():
        queue = queue_of(held, maximum_texts=4, queue_characters=100)
        with pytest.raises(ServiceError) as refused:
            await queue.score(texts)
        await queue.drain()
        return refused.value

    error = asyncio.run(run())
    assert (error.kind, error.where) == ("too_large", where)
    assert not held.calls


def test_a_promise_that_the_measured_speed_cannot_keep_is_not_made(held, toy_article):
    async def run():
        queue = queue_of(held)
        held.free.clear()
        asyncio.get_running_loop().call_later(0.3, held.free.set)
        await queue.score(
            [("0", toy_article)]
        )  # now it takes 0.3 s for an article, as far as known
        held.free.clear()
        waiting = asyncio.create_task(queue.score([("1", toy_article)] * 20))
        await _until(lambda: len(held.calls) == 2)
        with pytest.raises(ServiceError) as refused:
            await queue.score([("2", "too late for this one")], deadline_s=2)
        assert not waiting.done()
        held.free.set()
        await waiting
        await queue.drain()
        return refused.value

    error = asyncio.run(run())
    assert error.kind == "overloaded"
    assert 2 <= error.retry_after <= 30


def test_a_deadline_ends_the_wait_and_takes_the_texts_out(held):
    async def run():
        queue = queue_of(held)
        held.free.clear()
        first = asyncio.create_task(queue.score([("0", "one")]))
        await _until(lambda: held.calls)
        started = time.perf_counter()
        with pytest.raises(ServiceError) as late:
            await queue.score([("1", "two")], deadline_s=0.1)
        assert time.perf_counter() - started < 2
        held.free.set()
        await first
        await queue.drain()
        return late.value

    error = asyncio.run(run())
    assert (error.kind, error.status) == ("deadline", 504)
    assert held.calls == [["one"]]


def test_a_cancelled_request_leaves_before_it_is_scored_and_frees_its_room(held):
    async def run():
        queue = queue_of(held, queue_texts=3)
        held.free.clear()
        first = asyncio.create_task(queue.score([("0", "one")]))
        await _until(lambda: held.calls)
        gone = asyncio.create_task(queue.score([("1", "two"), ("2", "three")]))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        last = asyncio.create_task(queue.score([("3", "four"), ("4", "five")]))
        await asyncio.sleep(0.01)
        held.free.set()
        await asyncio.gather(first, last)
        await queue.drain()

    asyncio.run(run())
    assert held.calls == [["one"], ["four", "five"]]


def test_a_text_that_breaks_the_scorer_fails_alone_and_is_not_logged(held, toy_article, caplog):
    texts = [("a", toy_article), ("b", "POISON"), ("c", toy_article.upper())]

    async def run():
        queue = queue_of(held)
        outcomes = await queue.score(texts)
        await queue.drain()
        return outcomes

    logging.getLogger("respun").propagate = True
    outcomes = asyncio.run(run())
    assert [type(outcome) for outcome in outcomes] == [Result, ServiceError, Result]
    assert outcomes[1].kind == "internal"
    assert outcomes[0].score == pytest.approx(Scorer.score(held, [toy_article])[0].score, abs=1e-6)
    assert "RuntimeError" in caplog.text
    assert "POISON" not in caplog.text
    assert "POISON" not in str(outcomes[1])


def test_each_text_is_judged_by_the_threshold_of_its_request(held, toy_article):
    choices = [None, "fpr-5pct", 0.9999, "0.9999", 0, "fpr-0.1pct"]

    async def run():
        queue = queue_of(held)
        held.free.clear()
        first = asyncio.create_task(queue.score([("0", "one")]))
        await _until(lambda: held.calls)
        asked = [
            asyncio.create_task(queue.score([("x", toy_article)], threshold=choice))
            for choice in choices
        ]
        await asyncio.sleep(0.05)
        held.free.set()
        answers = await asyncio.gather(first, *asked)
        await queue.drain()
        return [result for [result] in answers[1:]]

    results = asyncio.run(run())
    for choice, result in zip(choices, results, strict=True):
        scorer = held if choice is None else held.with_threshold(choice)
        assert result.threshold == scorer.score([("x", toy_article)])[0].threshold
    assert [result.verdict for result in results[2:5]] == ["uncertain", "uncertain", "machine"]


@pytest.mark.parametrize("choice", ["fpr-2pct", 1.5, -1, float("nan"), "", True])
def test_a_threshold_that_is_none_is_refused(held, choice):
    async def run():
        queue = queue_of(held)
        try:
            return await queue.score([("x", "y")], threshold=choice)
        finally:
            await queue.drain()

    if choice is True:  # Python's 1.0
        assert asyncio.run(run())[0].threshold.value == 1.0
        return
    with pytest.raises(ServiceError) as refused:
        asyncio.run(run())
    assert (refused.value.kind, refused.value.where) == ("invalid", "threshold")
    assert not held.calls


def test_draining_answers_what_was_accepted_and_refuses_the_rest(held):
    async def run():
        queue = queue_of(held)
        held.free.clear()
        accepted = asyncio.create_task(queue.score([(str(n), f"text {n}") for n in range(5)]))
        await _until(lambda: held.calls)
        draining = asyncio.create_task(queue.drain())
        await asyncio.sleep(0.01)
        with pytest.raises(ServiceError) as refused:
            await queue.score([("x", "late")])
        assert refused.value.kind == "stopping"
        held.free.set()
        await draining
        return await accepted

    assert [result.id for result in asyncio.run(run())] == ["0", "1", "2", "3", "4"]


def test_nothing_to_score_is_no_work(held):
    async def run():
        queue = queue_of(held)
        assert await queue.score([]) == []
        assert (await queue.score([("a", "")]))[0].kind == "invalid"
        await queue.drain()

    asyncio.run(run())
    assert not held.calls


@pytest.mark.parametrize("text", ["", "x" * 60, "x"], ids=["empty", "long", "short"])
def test_texts_are_counted_before_any_is_looked_at(held, text):
    async def run():
        queue = queue_of(held, maximum_texts=4, maximum_text_characters=50)
        for score in (queue.score, queue.score_all):
            with pytest.raises(ServiceError) as refused:
                await score([("x", text)] * 5)
            assert (refused.value.kind, refused.value.where) == ("too_large", "texts")
        await queue.drain()

    asyncio.run(run())
    assert not held.calls


def test_where_one_fails_all_nothing_is_scored_before_it_is_seen(held, toy_article):
    async def run():
        queue = queue_of(held)
        with pytest.raises(ServiceError, match="text 1 is empty"):
            await queue.score_all([("a", toy_article), ("b", " ")])
        assert not held.calls
        with pytest.raises(ServiceError, match="could not be scored"):
            await queue.score_all([("a", toy_article), ("b", "POISON")])
        assert [result.id for result in await queue.score_all([("a", toy_article)])] == ["a"]
        await queue.drain()

    asyncio.run(run())


def test_the_speed_is_known_from_the_start_and_texts_without_a_score_teach_nothing(
    held, toy_article, monkeypatch
):
    """Overload is 429 from the first request on, where all would else run into their deadline."""

    def slow(texts, explain=False):
        time.sleep(0.1)
        return type(held).score(held, texts, explain)

    async def refusal(queue):
        """What twenty articles meet that come while one is being scored."""
        held.free.clear()
        first = asyncio.create_task(queue.score([("0", toy_article)]))
        await asyncio.sleep(0.01)
        try:
            await queue.score([("1", toy_article)] * 20, deadline_s=1)
        except ServiceError as error:
            return error.kind
        finally:
            held.free.set()
            await first

    async def run():
        queue = queue_of(held)
        queue.warm_up()
        before = await refusal(queue)
        for _ in range(3):
            [cheap] = await queue.score([("cheap", "x" * 200_000)])
            assert cheap.verdict == "too_short"
        after = await refusal(queue)
        await queue.drain()
        return before, after

    monkeypatch.setattr(held, "score", slow)
    assert asyncio.run(run()) == ("overloaded", "overloaded")


def test_a_batch_that_fails_as_a_whole_frees_its_room_and_stops_nothing(held, toy_article):
    async def run():
        queue = queue_of(held, queue_texts=1)
        score, queue._score = queue._score, None  # no way to score, which no text is to blame for
        [failed] = await queue.score([("0", toy_article)])
        queue._score = score
        [result] = await queue.score([("1", toy_article)])
        await queue.drain()
        return failed, result

    failed, result = asyncio.run(run())
    assert failed.kind == "internal"
    assert result.score is not None
