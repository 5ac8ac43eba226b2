from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from model.labels import LABELS
from serve import Scorer
from serve.http.v1 import ModelAnswer, ScoreAnswer

JSON = {"Content-Type": "application/json"}


def asked(url, request):
    """What `/v1/score` answers; the body is ASCII, so that it may hold lone surrogates."""
    return httpx.post(f"{url}/v1/score", content=json.dumps(request), headers=JSON, timeout=60)


def same(found, expected):
    """Equal, numbers to 1e-6."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found == expected


@pytest.mark.parametrize("explain", [False, True])
def test_results_are_the_librarys_in_order(
    served, tiny_bundle, toy_article, german_article, explain
):
    texts = [
        toy_article,
        {"id": 7, "text": toy_article * 5},
        {"id": "short", "text": "Too short to say."},
        german_article,
        f"{toy_article}\0 and \ud83d",
        {"id": "\ud800\0", "text": "\0\udfff"},
    ]
    named = [
        (text["id"], text["text"]) if isinstance(text, dict) else (str(place), text)
        for place, text in enumerate(texts)
    ]
    answer = asked(served, {"texts": texts, "explain": explain})
    assert answer.status_code == 200
    expected = Scorer.load(tiny_bundle).score(named, explain=explain)
    same(answer.json()["results"], [json.loads(json.dumps(r.to_dict())) for r in expected])
    assert any(result["passages"] for result in answer.json()["results"]) == explain
    ScoreAnswer.model_validate(answer.json(), strict=True)


def test_answers_are_the_command_lines(served, tiny_bundle, toy_article, german_article):
    texts = [
        toy_article,
        "Too short.",
        german_article,
        toy_article * 4,
        f"\N{SWIMMER} {toy_article}",
    ]
    named = [{"id": f"text-{place}", "text": text} for place, text in enumerate(texts)]
    done = subprocess.run(
        [sys.executable, "-m", "serve.score", "--model", str(tiny_bundle), "--jsonl", "-"],
        input="".join(json.dumps(text) + "\n" for text in named),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    expected = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["id"] for result in expected] == [text["id"] for text in named]
    same(asked(served, {"texts": named}).json()["results"], expected)


def test_the_weights_that_ship_score_as_the_library_does(serve, toy_article):
    url = serve(model=None)
    [expected] = Scorer.load().score([toy_article], explain=True)
    found = asked(url, {"texts": [toy_article], "explain": True}).json()["results"]
    same(found, [expected.to_dict()])
    facts = httpx.get(f"{url}/v1/model").json()
    ModelAnswer.model_validate_json(json.dumps(facts), strict=True)
    assert facts["sha256"] == expected.model.sha256
    assert facts["measured"]["auroc"] > 0.9
    assert facts["thresholds"]["fpr-1pct"]["humans"] > 4000
    assert len(facts["data_digest"]) == 64


def test_a_text_that_cannot_be_scored_does_not_fail_its_neighbours(served, toy_article):
    texts = [{"id": "a", "text": ""}, toy_article, {"id": "c", "text": "x" * 1_000_001}, "\n \t"]
    results = asked(served, {"texts": texts}).json()["results"]
    assert [result.get("error", {}).get("kind") for result in results] == [
        "invalid",
        None,
        "too_large",
        "invalid",
    ]
    assert [result["id"] for result in results] == ["a", "1", "c", "3"]
    assert results[0]["error"]["where"] == "texts.0"
    assert results[1]["score"] is not None


def test_the_threshold_may_be_chosen(served, toy_article):
    for choice, policy, value in (
        ("fpr-5pct", "fpr-5pct", None),
        (0.25, "fixed", 0.25),
        (1, "fixed", 1),
    ):
        request = {"texts": [toy_article], "threshold": choice}
        [result] = asked(served, request).json()["results"]
        assert result["threshold"]["policy"] == policy
        assert value in (None, result["threshold"]["value"])
    refused = asked(served, {"texts": [toy_article], "threshold": "fpr-2pct"})
    assert refused.status_code == 400
    assert refused.json()["error"]["where"] == "threshold"
    assert "fpr-1pct" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("request_body", "where"),
    [
        ({}, "texts"),
        ({"texts": "one text"}, "texts"),
        ({"texts": [3]}, "texts.0"),
        ({"texts": [{"id": 1.5, "text": "x"}]}, "texts.0"),
        ({"texts": [{"text": "x"}]}, "texts.0"),
        ({"texts": [], "explain": "perhaps"}, "explain"),
        ({"texts": [], "threshold": [1]}, "threshold"),
    ],
)
def test_a_request_of_another_shape_is_refused_with_the_place(served, request_body, where):
    answer = asked(served, request_body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["kind"] == "invalid"
    assert error["where"].startswith(where)
    assert "\n" not in error["message"]


def test_unknown_fields_are_ignored_and_no_texts_give_no_results(served):
    assert asked(served, {"texts": [], "colour": "red"}).json() == {"results": []}


def test_too_many_texts_are_refused(served):
    answer = asked(served, {"texts": ["x"] * 257})
    assert (answer.status_code, answer.json()["error"]["kind"]) == (413, "too_large")


def test_the_model_tells_what_it_is(served):
    facts = httpx.get(f"{served}/v1/model").json()
    ModelAnswer.model_validate_json(json.dumps(facts), strict=True)
    assert (facts["name"], facts["labels"]) == ("respun-tiny", list(LABELS))
    assert facts["measured"] is None
    assert facts["thresholds"]["fpr-1pct"] == {
        "value": 0.6,
        "humans": 1000,
        "flagged": 10,
        "interval": [0.005, 0.018],
    }


def test_health_and_readiness(served):
    for path in ("/healthz", "/readyz"):
        answer = httpx.get(served + path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
