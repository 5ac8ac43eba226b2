"""OpenAI's moderation shape, read by OpenAI's own clients for Python and for Node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import httpx
import openai
import pytest
from openai.types.moderation import Categories, CategoryAppliedInputTypes, CategoryScores

from serve import Scorer
from serve.http.adapters.openai import CLIENT_CATEGORIES, ErrorResponse, error_body
from serve.http.errors import Kind, ServiceError

_OURS = {"machine_written", "machine_rewritten", "machine_generated", "machine_spun"}
_NODE = Path(__file__).parent / "node"
_OFFLINE = re.compile(rb"ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONN|ETIMEDOUT|ERR_SOCKET_TIMEOUT")


def _client(url, key="any", path="/openai/v1"):
    return openai.OpenAI(base_url=url + path, api_key=key, max_retries=0)


@pytest.fixture
def moderate(served):
    """Moderates with the client for Python, at the module's server."""
    with _client(served) as client:
        yield client.moderations.create


@pytest.fixture(scope="module")
def scorer(tiny_bundle):
    return Scorer.load(tiny_bundle)


def test_a_text_gets_its_score_and_kinds_beside_the_clients_own_categories(
    moderate, toy_article, scorer
):
    answer = moderate(input=toy_article, model="omni-moderation-latest")
    (result,) = answer.results
    (expected,) = scorer.score([toy_article])
    scores = result.category_scores.to_dict()
    assert answer.id.startswith("modr-")
    assert answer.model == "respun-tiny-0.0.1"
    assert scores["machine_written"] == pytest.approx(expected.score, abs=1e-6)
    assert {name: scores[f"machine_{name}"] for name in ("rewritten", "generated", "spun")} == (
        pytest.approx({name: expected.kinds[name] for name in expected.kinds if name != "human"})
    )
    assert result.flagged == (expected.verdict == "machine")
    assert result.respun == {
        "verdict": expected.verdict,
        "score": pytest.approx(expected.score, abs=1e-6),
        "p_human": expected.p_human,
        "reason": None,
    }
    for name in CLIENT_CATEGORIES:
        assert scores[name] == 0
        assert result.categories.to_dict()[name] is False
        assert result.category_applied_input_types.to_dict()[name] == []
    assert result.category_applied_input_types.to_dict()["machine_written"] == ["text"]


def test_the_clients_own_categories_are_all_there_and_no_other():
    for model in (Categories, CategoryScores, CategoryAppliedInputTypes):
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert names == set(CLIENT_CATEGORIES)


@pytest.mark.parametrize(("threshold", "flagged"), [(0.0, True), (1.0, False)])
def test_what_is_flagged_is_flagged_in_one_kind(serve, toy_article, threshold, flagged):
    with _client(serve(threshold=threshold)) as client:
        (result,) = client.moderations.create(input=toy_article).results
    scores = result.category_scores.to_dict()
    likeliest = max(_OURS - {"machine_written"}, key=lambda name: scores[name])
    raised = {name for name, value in result.categories.to_dict().items() if value}
    assert result.flagged is flagged
    assert raised == ({"machine_written", likeliest} if flagged else set())


def test_several_texts_are_answered_in_order_and_parts_are_one_text(
    moderate, toy_article, german_article
):
    texts = [toy_article, "Too short.", german_article]
    results = moderate(input=texts).results
    assert results[0] == moderate(input=toy_article).results[0]
    for result, verdict in zip(results[1:], ("too_short", "unsupported_language"), strict=True):
        assert not result.flagged
        assert not any(result.category_scores.to_dict().values())
        assert not any(result.category_applied_input_types.to_dict().values())
        assert (result.respun["verdict"], result.respun["score"]) == (verdict, None)
        assert result.respun["reason"]
    parts = [{"type": "text", "text": text} for text in toy_article.split("\n\n")]
    assert moderate(input=parts).results == moderate(input=toy_article).results


def test_the_root_answers_too_and_a_key_is_asked_for(serve, toy_article):
    url = serve(api_keys=("one", "two"))
    with _client(url, "two", "/v1") as client:
        assert len(client.moderations.create(input=[toy_article] * 2).results) == 2
    for path in ("/v1", "/openai/v1"):
        with (
            _client(url, "three", path) as client,
            pytest.raises(openai.AuthenticationError) as caught,
        ):
            client.moderations.create(input=toy_article)
        assert (caught.value.type, caught.value.code) == (
            "invalid_request_error",
            "invalid_api_key",
        )


_IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([{"type": "text", "text": "See this."}, _IMAGE], "image"),
        ([_IMAGE], "image"),
        ("", "empty"),
        (["A text.", " "], "text 1 is empty"),
        ([], "no text"),
        (["A text."] * 257, "256 are the most"),
        (7, "send a string"),
        (None, "send a string"),
        ([101, 7592], "send a string"),
        (["A text.", {"type": "text", "text": "A part."}], "send a string"),
        ([{"type": "audio", "text": "A part."}], "send a string"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_openais_words(moderate, value, words):
    with pytest.raises(openai.APIStatusError, match=words) as caught:
        moderate(input=value)
    error = caught.value
    assert error.status_code in (400, 413)
    assert error.type == "invalid_request_error"
    assert error.param is not None
    assert error.param.startswith("input")
    assert "\n" not in str(error)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"model": "m"}'])
def test_a_body_that_is_no_request_is_refused(served, body):
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{served}/v1/moderations", content=body, headers=headers)
    assert answer.status_code == 400
    assert ErrorResponse.model_validate(answer.json()).error.type == "invalid_request_error"


def test_every_kind_of_refusal_has_its_words():
    types = {
        kind: ErrorResponse.model_validate(error_body(ServiceError(kind, "no"))).error.type
        for kind in get_args(Kind)
    }
    assert types["overloaded"] == types["too_many_requests"] == "requests"
    assert types["internal"] == types["stopping"] == types["deadline"] == "server_error"
    assert types["invalid"] == types["not_found"] == "invalid_request_error"


@pytest.fixture(scope="module")
def node_client(tmp_path_factory):
    """Moderates with the client for Node, at the version that the lock file pins."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(_NODE, folder)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    install = [npm, "ci", *quiet, "--fetch-retries=0", "--fetch-timeout=10000"]
    try:
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer in time")
    except subprocess.CalledProcessError as error:
        if _OFFLINE.search(error.stderr) is None:
            raise
        pytest.skip("npm's registry does not answer")

    def moderate(base_url, key, texts):
        command = [node, "moderate.mjs", base_url, key]
        done = subprocess.run(
            command,
            cwd=folder,
            input=json.dumps(texts),
            encoding="utf-8",
            check=True,
            stdout=subprocess.PIPE,
            timeout=60,
        )
        return json.loads(done.stdout)

    return moderate


def test_the_client_for_node_reads_the_same(node_client, serve, toy_article):
    url = serve(api_keys=("key",))
    with _client(url, "key") as client:
        expected = client.moderations.create(input=[toy_article, "Too short."]).to_dict()
    answer = node_client(f"{url}/openai/v1", "key", [toy_article, "Too short."])
    assert answer["results"] == expected["results"]
    assert answer["model"] == expected["model"]

    refused = node_client(f"{url}/v1", "wrong", [toy_article])
    assert refused["raised"] == "AuthenticationError"
    assert refused["code"] == "invalid_api_key"
    refused = node_client(f"{url}/v1", "key", [_IMAGE])
    assert refused["raised"] == "BadRequestError"
    assert "image" in refused["message"]
