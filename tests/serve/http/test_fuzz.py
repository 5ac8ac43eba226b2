"""Whatever is sent: no 5xx, no answer that the OpenAPI document does not know, no lost offset.

Generated requests, the same ones at every run, so that a failure is one of the code and not of
the day. Schemathesis makes them from the document; hypothesis makes bodies that are nearly right,
where most mistakes wait, and bodies that are nothing at all.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from model.text import normalize
from serve.http.__main__ import OPENAPI_FILE

SECRET = "whisper"
ARTICLE = "The council met on Tuesday, and the mayor spoke about the school for an hour. " * 4
CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="Machine"/>'
    '</Choices><Labels name="l" toName="t"><Label value="Machine"/></Labels></View>'
)
TASK = {"id": 1, "data": {"text": ARTICLE}}
CHOSEN = {"result": [{"from_name": "c", "value": {"choices": ["Machine"]}}]}
ANALYSIS = {
    "comment": {"text": ARTICLE, "type": "PLAIN_TEXT"},
    "requestedAttributes": {"MACHINE_WRITTEN": {"scoreThreshold": 0.1}, "MACHINE_SPUN": {}},
    "languages": ["en"],
    "spanAnnotations": True,
    "clientToken": "token",
}
SUGGESTION = {
    "comment": {"text": ARTICLE},
    "attributeScores": {"MACHINE_WRITTEN": {"summaryScore": {"value": 1}}},
    "communityId": "forum",
}
EVENT = {
    "action": "ANNOTATION_CREATED",
    "project": {"id": 1, "label_config": CONFIG},
    "task": TASK,
    "annotation": CHOSEN,
}
REQUESTS: dict[str, Any] = {
    "/v1/score": {
        "texts": [ARTICLE, {"id": 7, "text": ARTICLE}],
        "explain": True,
        "threshold": "fpr-1pct",
    },
    "/predict": {"inputs": [[ARTICLE], ["short"]], "raw_scores": True},
    "/tei/predict": {"inputs": ARTICLE, "parameters": {"top_k": 2}},
    "/v1/moderations": {"input": [ARTICLE, "short"], "model": "any"},
    "/openai/v1/moderations": {"input": [{"type": "text", "text": ARTICLE}]},
    "/v1alpha1/comments:analyze": ANALYSIS,
    "/perspective/v1alpha1/comments:suggestscore": SUGGESTION,
    "/coral": {"action": "NEW", "comment": {"body": f"<p>{ARTICLE}</p>"}},
    "/label-studio/predict": {"tasks": [TASK], "label_config": CONFIG},
    "/label-studio/setup": {"project": "1.2", "schema": CONFIG},
    "/label-studio/webhook": EVENT,
}
"""A request that is right, for each path that takes one."""

# Surrogates too: JSON carries them as escapes, and no text that is stored may break on them.
STRINGS = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["", " ", "\0", "\ud800", "\udfff\ud800", "\u202e", "NaN", "en", ARTICLE, "<!DOCTYPE x>", "$"]
)
NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([2**63, -(2**64), 10**400, 1e308, float("nan")])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=8,
)
MARKUP = ("&", "amp;", "&#", "x430;", "59;", ";", "<", "</", "p>", "<b ", "a=", '"', "“", ">", "/>")
DISGUISES = ("р", "ο", "ⅼ", "ϲ", "\u0301", "\u0338", "\u200b", "\ufe0f", "ﷺ", "\r\n", "a")

the_same_every_time = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
operations = schemathesis.openapi.from_path(OPENAPI_FILE)


@pytest.fixture
def service(serve, tmp_path):
    """A client of a service that keeps feedback and knows a signing secret."""
    url = serve(coral_secrets=(SECRET,), feedback=tmp_path / "feedback.jsonl")
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.mark.slow
@operations.parametrize()
@settings(the_same_every_time, max_examples=15)
def test_answers_are_those_that_the_document_tells_of(case, service):
    case.call_and_validate(
        base_url=str(service.base_url),
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything in a JSON value, itself included."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of a JSON value in which something else stands at a path."""
    if not path:
        return new
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


def send(service: httpx.Client, path: str, body: bytes) -> httpx.Response:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Coral-Signature": f"sha256={digest}"}
    return service.post(path, content=body, headers=headers)


def refusal(path: str) -> Any:
    """A validator of what the document says that a refusal on this path looks like."""
    responses = DOCUMENT["paths"][path]["post"]["responses"]
    found = next(answer for status, answer in responses.items() if status.startswith("4"))
    schema = {**DOCUMENT, **found["content"]["application/json"]["schema"]}
    return jsonschema.Draft202012Validator(schema)


def check(answer: httpx.Response, refusal: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        refusal.validate(answer.json())
        assert "Traceback" not in answer.text
    elif answer.status_code != 204:
        answer.json()


@pytest.mark.parametrize("path", REQUESTS)
def test_the_requests_that_the_fuzz_starts_from_are_right(service, path):
    assert send(service, path, json.dumps(REQUESTS[path]).encode()).status_code < 300


@pytest.mark.slow
@pytest.mark.parametrize("path", REQUESTS)
def test_requests_that_are_nearly_right_are_answered_or_refused(service, path):
    right, shape = REQUESTS[path], refusal(path)

    @settings(the_same_every_time, max_examples=60)
    @given(st.sampled_from(places(right)), VALUES)
    def nearly_right(place, new):
        body = json.dumps(replaced(right, place, new)).encode()
        check(send(service, path, body), shape)

    nearly_right()


@pytest.mark.slow
@pytest.mark.parametrize("path", REQUESTS)
def test_bytes_that_mean_nothing_are_refused(service, path):
    whole, shape = json.dumps(REQUESTS[path]).encode(), refusal(path)

    @settings(the_same_every_time, max_examples=40)
    @given(st.integers(0, len(whole)), st.binary(max_size=30), st.integers(0, 30))
    def broken(start, inserted, dropped):
        check(send(service, path, whole[:start] + inserted + whole[start + dropped :]), shape)

    broken()


@settings(the_same_every_time, max_examples=300)
@given(st.lists(st.sampled_from(MARKUP + DISGUISES) | STRINGS, max_size=14).map("".join))
@example("\ud800")
@example("&#&#59;59;")
def test_normalising_keeps_its_promises_whatever_the_text(text):
    once = normalize(text)
    again = normalize(once.text)
    assert (again.text, again.markup, again.lookalikes) == (once.text, (), ())
    assert len(once.offsets) == len(once.ends) == len(once.text)
    assert list(once.offsets) == sorted(once.offsets)
    spans = [*zip(once.offsets, once.ends, strict=True), *once.markup, *once.lookalikes]
    assert all(0 <= start < end <= len(text) for start, end in spans)
