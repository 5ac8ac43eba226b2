"""Perspective's shape: Google's own client, and what Coral sends."""

from __future__ import annotations

import json
from contextlib import contextmanager

import httpx
import pytest
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from serve import Scorer
from serve.http.adapters import perspective
from serve.http.errors import STATUS, ServiceError

_KINDS = {f"MACHINE_{kind.upper()}": kind for kind in ("rewritten", "generated", "spun")}


@contextmanager
def _client(url, key=None, **options):
    """Google's client, as its users build it, but for the address."""
    with discovery.build(
        "commentanalyzer",
        "v1alpha1",
        developerKey=key,
        discoveryServiceUrl=f"{url}/$discovery/rest?version=v1alpha1",
        static_discovery=False,
        cache_discovery=False,
        **options,
    ) as client:
        yield client.comments()


def _analyze(url, text, attributes=("MACHINE_WRITTEN",), **fields):
    body = {
        "comment": {"text": text},
        "requestedAttributes": {name: {} for name in attributes},
        **fields,
    }
    with _client(f"{url}/perspective") as comments:
        return comments.analyze(body=body).execute()


def _refusal(url, text, attributes=("MACHINE_WRITTEN",), **fields):
    """Google's error body, its details taken apart from it."""
    with pytest.raises(HttpError) as caught:
        _analyze(url, text, attributes, **fields)
    assert caught.value.resp.status == 400
    error = json.loads(caught.value.content)["error"]
    assert error["code"] == 400
    assert error["status"] == "INVALID_ARGUMENT"
    assert caught.value.reason == error["message"]
    [detail] = error["details"]
    assert detail.pop("@type") == "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
    return error["message"], detail


@pytest.fixture(scope="module")
def score(tiny_bundle):
    """What the library says of a text."""
    scorer = Scorer.load(tiny_bundle)
    return lambda text: scorer.score([text], explain=True)[0]


def test_the_score_and_the_kinds_are_the_librarys(served, toy_article, score):
    answer = _analyze(served, toy_article, ["MACHINE_WRITTEN", *_KINDS], clientToken="mine")
    result = score(toy_article)
    values = {
        name: scores["summaryScore"]["value"] for name, scores in answer["attributeScores"].items()
    }
    assert values.pop("MACHINE_WRITTEN") == pytest.approx(result.score, abs=1e-6)
    expected = {name: result.kinds[kind] for name, kind in _KINDS.items()}
    assert values == pytest.approx(expected, abs=1e-6)
    assert answer["clientToken"] == "mine"
    assert answer["detectedLanguages"] == ["en"]
    assert answer["languages"] == []


def test_without_span_annotations_the_span_is_the_text(served, toy_article):
    text = "\N{SWIMMER} " + toy_article
    scores = _analyze(served, text)["attributeScores"]["MACHINE_WRITTEN"]
    summary = scores["summaryScore"]
    assert scores["spanScores"] == [{"begin": 0, "end": len(text) + 1, "score": summary}]
    assert summary["type"] == "PROBABILITY"


def test_spans_are_the_passages_in_utf_16_code_units(served, toy_article, score):
    text = toy_article.replace("pool", "\N{SWIMMER}\N{SWIMMER} pool")
    answer = _analyze(served, text, ["MACHINE_WRITTEN", "MACHINE_SPUN"], spanAnnotations=True)
    spans = answer["attributeScores"]["MACHINE_WRITTEN"]["spanScores"]
    units = text.encode("utf-16-le")
    cut = [units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le") for span in spans]
    passages = score(text).passages
    assert cut == [text[passage.start : passage.end] for passage in passages]
    assert [span["score"]["value"] for span in spans] == pytest.approx(
        [passage.score for passage in passages], abs=1e-6
    )
    # Kinds of single passages are not known.
    [whole] = answer["attributeScores"]["MACHINE_SPUN"]["spanScores"]
    assert whole["end"] == len(units) // 2


def test_scores_below_the_threshold_are_left_out(served, toy_article, score):
    result = score(toy_article)
    at, above = ({"scoreThreshold": result.score + step} for step in (-1e-6, 1e-6))
    kept = _analyze(served, toy_article, requestedAttributes={"MACHINE_WRITTEN": at})
    assert set(kept["attributeScores"]) == {"MACHINE_WRITTEN"}
    left_out = _analyze(served, toy_article, requestedAttributes={"MACHINE_WRITTEN": above})
    assert left_out["attributeScores"] == {}
    line = sorted(passage.score for passage in result.passages)[-1] - 1e-6
    spans = _analyze(
        served,
        toy_article,
        requestedAttributes={"MACHINE_WRITTEN": {"scoreThreshold": line}},
        spanAnnotations=True,
    )["attributeScores"]["MACHINE_WRITTEN"]["spanScores"]
    assert len(spans) == 1 < len(result.passages)


@pytest.mark.parametrize("languages", [["en"], ["en-US"], ["de", "EN"]])
def test_english_may_be_named_in_any_way(served, toy_article, languages):
    assert _analyze(served, toy_article, languages=languages)["languages"] == languages


def test_a_text_that_has_no_score_is_refused_with_the_apis_own_name_for_it(
    served, toy_article, german_article
):
    for text in ("", " \n"):
        assert _refusal(served, text)[1] == {"errorType": "COMMENT_EMPTY"}
    message, detail = _refusal(served, "Too few words.")
    assert detail == {"errorType": "COMMENT_TOO_SHORT"}
    assert "3 words" in message
    message, detail = _refusal(served, german_article)
    assert "Attribute MACHINE_WRITTEN does not support request languages: de" in message
    assert detail == {
        "errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        "languageNotSupportedByAttributeError": {
            "attribute": "MACHINE_WRITTEN",
            "detectedLanguages": ["de"],
        },
    }
    _, detail = _refusal(served, toy_article, languages=["de", "fr"])
    error = detail["languageNotSupportedByAttributeError"]
    assert error == {"attribute": "MACHINE_WRITTEN", "requestedLanguages": ["de", "fr"]}


def test_attributes_that_do_not_support_a_language_can_be_dropped(
    served, toy_article, german_article
):
    answer = _analyze(served, german_article, dropUnsupportedAttributes=True)
    assert (answer["attributeScores"], answer["detectedLanguages"]) == ({}, ["de"])
    answer = _analyze(served, toy_article, dropUnsupportedAttributes=True, languages=["de"])
    assert (answer["attributeScores"], answer["detectedLanguages"]) == ({}, [])


def test_an_unknown_attribute_is_refused_by_name(served, toy_article):
    message, detail = _refusal(served, toy_article, ["MACHINE_WRITTEN", "TOXICITY"])
    assert message.startswith("Unknown requested attribute: TOXICITY")
    assert "MACHINE_WRITTEN" in message
    assert detail == {"errorType": "INVALID_REQUEST"}
    assert _refusal(served, toy_article, [])[1] == {"errorType": "NO_REQUESTED_ATTRIBUTES"}


def test_other_types_of_text_and_score_are_refused(served, toy_article):
    _refusal(served, toy_article, comment={"text": toy_article, "type": "HTML"})
    _refusal(served, toy_article, requestedAttributes={"MACHINE_WRITTEN": {"scoreType": "RAW"}})
    _analyze(
        served,
        toy_article,
        comment={"text": toy_article, "type": "PLAIN_TEXT"},
        requestedAttributes={"MACHINE_WRITTEN": {"scoreType": "PROBABILITY"}},
    )


def test_a_text_may_be_too_long(serve, toy_article):
    url = serve(maximum_text_characters=500)
    message, detail = _refusal(url, toy_article)
    assert message.startswith("Comment text too long")
    assert detail == {"errorType": "COMMENT_TOO_LONG"}


def test_the_root_answers_as_the_prefix_does_and_a_key_opens(serve, toy_article):
    url = serve(api_keys=("secret",))
    body = {"comment": {"text": toy_article}, "requestedAttributes": {"MACHINE_WRITTEN": {}}}
    options = {"client_options": {"api_endpoint": url}}
    with _client(url, "secret", **options) as root, _client(f"{url}/perspective", "secret") as ours:
        assert root.analyze(body=body).execute() == ours.analyze(body=body).execute()
    answer = httpx.post(f"{url}/v1alpha1/comments:analyze?key=wrong", json=body)
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_every_kind_of_error_has_googles_status():
    for kind, status in STATUS.items():
        body = perspective.error_body(ServiceError(kind, "a line"))
        error = perspective.ErrorResponse.model_validate(body).error
        assert (error.code, error.message) == (status, "a line")


# --- Coral ---------------------------------------------------------------------------------------


def _coral(url, operation, body):
    """What Coral posts, its administrator having set endpoint, key and model."""
    return httpx.post(
        f"{url}/perspective/v1alpha1/comments:{operation}",
        params={"key": "secret"},
        json={**body, "languages": ["en"]},
        headers={"User-Agent": "Coral Perspective/9.0.0"},
    )


def _verdict(text, value, model="MACHINE_WRITTEN"):
    place = {
        "url": "https://example.org/news?commentID=5d3a",
        "reply_to_id_Coral_comment_id": None,
        "Coral_comment_id": "5d3a",
    }
    return {
        "comment": {"text": text},
        "context": {"entries": [{"text": json.dumps(place)}]},
        "attributeScores": {model: {"summaryScore": {"value": value}}},
        "communityId": "Coral:https://comments.example.org",
        "clientToken": "comment:5d3a",
    }


def test_coral_gets_its_score_and_gives_its_moderators_verdicts(
    serve, tmp_path, toy_article, score
):
    url = serve(api_keys=("secret",), feedback=tmp_path / "feedback.jsonl")
    model = "MACHINE_WRITTEN"
    answer = _coral(
        url,
        "analyze",
        {
            "comment": {"text": toy_article},
            "doNotStore": True,
            "requestedAttributes": {model: {}},
        },
    )
    value = answer.json()["attributeScores"][model]["summaryScore"]["value"]
    assert value == pytest.approx(score(toy_article).score, abs=1e-6)
    for given in (0, 1):
        answer = _coral(url, "suggestscore", _verdict(toy_article, given))
        assert answer.status_code == 200
        assert answer.json() == {
            "clientToken": "comment:5d3a",
            "requestedLanguages": ["en"],
            "detectedLanguages": [],
        }
    lines = map(json.loads, (tmp_path / "feedback.jsonl").read_text("utf-8").splitlines())
    kept = [(line["text"], line["label"], line["source"], line["story"]) for line in lines]
    origin = ("Coral:https://comments.example.org", "comment:5d3a")
    assert kept == [(toy_article, label, *origin) for label in ("human", "rewritten")]


def test_corals_default_model_is_refused_clearly(serve, toy_article):
    url = serve(api_keys=("secret",))
    body = {"comment": {"text": toy_article}, "requestedAttributes": {"TOXICITY": {}}}
    answer = _coral(url, "analyze", body)
    assert answer.status_code == 400
    assert "Unknown requested attribute: TOXICITY" in answer.json()["error"]["message"]


def test_a_verdict_that_is_not_kept_is_not_thanked_for(served, toy_article):
    answer = _coral(served, "suggestscore", _verdict(toy_article, 1))
    assert answer.status_code == 404
    assert "--feedback" in answer.json()["error"]["message"]


def test_a_verdict_that_says_nothing_is_refused(serve, tmp_path):
    url = serve(feedback=tmp_path / "feedback.jsonl")
    for verdict, error_type in (
        (_verdict("", 1), "COMMENT_EMPTY"),
        (_verdict("A text", 1, "TOXICITY"), "INVALID_REQUEST"),
        (_verdict("A text", 1, "MACHINE_SPUN"), "INVALID_REQUEST"),
        (_verdict("A text", 2), "INVALID_REQUEST"),
        ({"comment": {"text": "A text"}, "attributeScores": {}}, "NO_REQUESTED_ATTRIBUTES"),
    ):
        answer = _coral(url, "suggestscore", verdict)
        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["errorType"] == error_type
    assert (tmp_path / "feedback.jsonl").read_bytes() == b""
