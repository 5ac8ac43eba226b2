"""TEI's shape: its own schemas, huggingface_hub's client, and what Discourse AI sends."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import get_args

import httpx
import jsonschema
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from serve import Scorer
from serve.http.adapters import tei
from serve.http.errors import Kind, ServiceError

_SCHEMAS = json.loads((Path(__file__).parent / "tei-1.9.3.schemas.json").read_text("utf-8"))


def _assert_is(name, value):
    jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", **_SCHEMAS})


def _scores(predictions):
    return {prediction["label"]: prediction["score"] for prediction in predictions}


def _predict(url, inputs, path="/tei/predict", **fields):
    body = {"inputs": inputs, **fields}
    _assert_is("PredictRequest", {name: body[name] for name in body if name != "parameters"})
    answer = httpx.post(url + path, json=body)
    assert answer.status_code == 200, answer.text
    _assert_is("PredictResponse", answer.json())
    return answer.json()


@pytest.fixture
def client(served, monkeypatch):
    """The hub's client of the service, which is on this machine, however offline the hub is."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return InferenceClient(model=f"{served}/tei")


@pytest.fixture(scope="module")
def score(tiny_bundle):
    """What the library says of a text."""
    scorer = Scorer.load(tiny_bundle)
    return lambda text: scorer.score([text])[0].score


def test_one_text_is_answered_with_one_list_the_likeliest_label_first(served, toy_article, score):
    predictions = _predict(served, toy_article)
    scores = _scores(predictions)
    assert scores["machine"] == pytest.approx(score(toy_article), abs=1e-6)
    assert sum(scores.values()) == pytest.approx(1)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


@pytest.mark.parametrize("path", ["/tei/predict", "/predict", "/tei", "/tei/"])
def test_every_path_answers_alike(served, toy_article, path):
    assert _predict(served, toy_article, path) == _predict(served, toy_article)


def test_a_batch_is_answered_in_order_and_nothing_fails_its_neighbours(
    served, toy_article, german_article, score
):
    longer = toy_article * 3
    answers = _predict(served, [[toy_article], ["Too short."], [german_article], [longer]])
    assert [_scores(answer)["machine"] for answer in answers] == pytest.approx(
        [score(toy_article), 0, 0, score(longer)], abs=1e-6
    )
    assert [answers[1][0], answers[2][0]] == [
        {"label": "too_short", "score": 1.0},
        {"label": "unsupported_language", "score": 1.0},
    ]


def test_a_batch_of_one_is_still_a_batch_and_a_list_of_one_string_is_none(served, toy_article):
    assert _predict(served, [[toy_article]]) == [_predict(served, toy_article)]
    answer = httpx.post(f"{served}/predict", json={"inputs": [toy_article]})
    assert answer.json() == _predict(served, toy_article)


@pytest.mark.parametrize("text", [None, "Too short."])
def test_raw_scores_are_logits(served, toy_article, text):
    text = text or toy_article
    logits = _scores(_predict(served, text, raw_scores=True, truncate=True))
    total = sum(map(math.exp, logits.values()))
    softmax = {label: math.exp(logit) / total for label, logit in logits.items()}
    assert softmax == pytest.approx(_scores(_predict(served, text)), abs=1e-6)


def test_huggingface_hub_reads_every_label(client, toy_article, german_article, score):
    answer = client.text_classification(toy_article)
    assert {element.label for element in answer} == set(tei.LABELS)
    assert {element.label: element.score for element in answer}["machine"] == pytest.approx(
        score(toy_article), abs=1e-6
    )
    (likeliest,) = client.text_classification(german_article, top_k=1)
    assert likeliest.label == "unsupported_language"
    raw = client.text_classification(german_article, top_k=1, function_to_apply="none")
    assert raw[0].score == 0  # the logarithm of one


def test_huggingface_hub_shows_what_was_wrong(client):
    with pytest.raises(HfHubHTTPError, match="413") as caught:
        client.text_classification(" ")
    assert caught.value.response.json()["error_type"] == "Validation"


def test_discourse_gets_a_map_of_labels(serve, toy_article, score):
    """Discourse AI (lib/inference/hugging_face_text_embeddings.rb) posts this and reads this."""
    url = serve(api_keys=("forum-key",))
    headers = {
        "Referer": "https://forum.example",
        "Content-Type": "application/json",
        "X-API-KEY": "forum-key",
        "Authorization": "Bearer forum-key",
    }
    machine = {}
    for post in (f"Pool stays open\n{toy_article}", "Me too!"):
        body = json.dumps({"inputs": post, "truncate": True})
        answer = httpx.post(f"{url}/tei/predict", content=body, headers=headers)
        assert answer.status_code == 200  # it takes no other for an answer
        machine[post] = _scores(answer.json())["machine"]
    assert list(machine.values()) == pytest.approx([score(next(iter(machine))), 0], abs=1e-6)

    refused = httpx.post(f"{url}/tei/predict", content=body)
    assert refused.status_code == 401
    _assert_is("ErrorResponse", refused.json())


@pytest.mark.parametrize(
    ("body", "status", "error_type"),
    [
        ({"inputs": []}, 400, "Empty"),
        ({"inputs": ""}, 413, "Validation"),
        ({"inputs": [["a question"], [" "]]}, 413, "Validation"),
        ({"inputs": ["a question", "an answer"]}, 413, "Validation"),
        ({"inputs": [["a question", "an answer"]]}, 413, "Validation"),
        ({"inputs": [["one"]] * 257}, 413, "Validation"),
        ({"inputs": [[]]}, 413, "Validation"),
        ({"inputs": ["one", 2]}, 413, "Validation"),
        ({"inputs": [101, 7592, 102]}, 413, "Validation"),
        ({"inputs": None}, 413, "Validation"),
        ({"inputs": "text", "raw_scores": "perhaps"}, 413, "Validation"),
        ({"inputs": "text", "parameters": {"top_k": 0}}, 413, "Validation"),
        ({}, 413, "Validation"),
        ([], 413, "Validation"),
    ],
)
def test_refusals_are_in_teis_words(served, body, status, error_type):
    answer = httpx.post(f"{served}/tei/predict", json=body)
    assert (answer.status_code, answer.json()["error_type"]) == (status, error_type)
    _assert_is("ErrorResponse", answer.json())
    assert "\n" not in answer.json()["error"]


def test_a_pair_is_told_why(served):
    answer = httpx.post(f"{served}/predict", json={"inputs": ["a question", "an answer"]})
    assert "pairs have no score" in answer.json()["error"]


def test_every_kind_of_refusal_has_its_words_and_status():
    for kind in get_args(Kind):
        error = ServiceError(kind, "texts: something is wrong; put it right")
        _assert_is("ErrorResponse", tei.error_body(error))
        assert tei.status(error) in {401, 404, 405, 413, 424, 429, 503}


def test_info_names_the_labels_that_predict_answers_with(served, toy_article):
    info = httpx.get(f"{served}/tei/info").json()
    _assert_is("Info", info)
    assert info == httpx.get(f"{served}/info").json()
    classifier = info["model_type"]["classifier"]
    assert set(classifier["label2id"]) == set(_scores(_predict(served, toy_article)))
    assert {str(index): label for label, index in classifier["label2id"].items()} == (
        classifier["id2label"]
    )
    assert classifier["label2id"]["machine"] == 1


@pytest.mark.parametrize("path", ["/tei/health", "/health"])
def test_health_is_an_empty_answer(served, path):
    answer = httpx.get(served + path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_metrics_are_the_services_own(served):
    answer = httpx.get(f"{served}/tei/metrics", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path == "/metrics"
    assert "# HELP" in answer.text
