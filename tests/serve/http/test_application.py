from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serve.http.application import ADAPTERS

JSON = {"Content-Type": "application/json"}


def counter(url, name):
    """A counter of the service, summed over its labels."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    found = [line for line in lines if re.match(rf"{name}(\{{.*\}})? ", line)]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def score(url, *texts, **more):
    return httpx.post(f"{url}/v1/score", json={"texts": list(texts)}, timeout=20, **more)


PATHS = {
    "/v1/score": lambda body: body["error"]["kind"],
    "/predict": lambda body: body["error_type"],
    "/tei/predict": lambda body: body["error_type"],
    "/openai/v1/moderations": lambda body: body["error"]["type"],
    "/v1/moderations": lambda body: body["error"]["type"],
    "/perspective/v1alpha1/comments:analyze": lambda body: body["error"]["status"],
    "/v1alpha1/comments:analyze": lambda body: body["error"]["status"],
    "/label-studio/predict": lambda body: body,
    "/coral": lambda body: body["error"],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b"null",
        b'"\xff"',
        b"[" * 100_000,
        b'{"texts":' * 100_000,
        b"{}",
        b'{"texts": [NaN], "inputs": 1e999, "input": {}, "comment": 3, "tasks": 0}',
        b'{"texts": [' + b"9" * 5000 + b"]}",
    ],
    ids=["cut", "empty", "list", "null", "bytes", "deep", "deeper", "bare", "numbers", "digits"],
)
def test_a_body_that_is_none_is_refused_in_the_shape_of_its_path(served, path, body):
    answer = httpx.post(served + path, content=body, headers=JSON)
    assert 400 <= answer.status_code < 500
    assert PATHS[path](answer.json())
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path != "/coral"]
)  # not there without a secret
def test_the_wrong_method_is_refused_in_the_shape_of_its_path(served, path):
    answer = httpx.delete(served + path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert PATHS[path](answer.json())


def test_unknown_paths_are_refused_in_the_shape_of_their_prefix(served):
    assert httpx.get(f"{served}/nowhere").json()["error"]["kind"] == "not_found"
    for adapter in ADAPTERS:
        answer = httpx.get(f"{served}{adapter.PREFIX}/nowhere")
        assert answer.status_code == 404
        assert answer.json() != {"detail": "Not Found"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/score", {"texts": ["POISON"]}),
        ("/predict", {"inputs": "POISON"}),
        ("/openai/v1/moderations", {"input": "POISON"}),
    ],
)
def test_our_own_faults_are_answered_without_the_text_or_a_traceback(
    serve, held, capfd, path, body
):
    url = serve(held)
    answer = httpx.post(url + path, json=body)
    assert answer.status_code in (200, 424, 500)
    assert "POISON" not in answer.text
    assert "RuntimeError" not in answer.text
    logged = capfd.readouterr().err
    assert "POISON" not in logged
    assert "RuntimeError" in logged


def test_what_is_sent_back_may_hold_lone_surrogates(served):
    body = rb"""{"comment": {"text": "one \ud800"}, "requestedAttributes": {"MACHINE_WRITTEN": {}},
        "clientToken": "\udfff"}"""
    answer = httpx.post(f"{served}/v1alpha1/comments:analyze", content=body, headers=JSON)
    assert answer.status_code < 500
    for path, key in (("/v1/moderations", "input"), ("/predict", "inputs")):
        body = rb'{"%s": "one \ud800", "model": "\udfff"}' % key.encode()
        assert httpx.post(served + path, content=body, headers=JSON).status_code == 200


def test_every_answer_carries_the_security_headers(served):
    for path in ("/", "/v1/model", "/nowhere", "/docs", "/metrics"):
        headers = httpx.get(served + path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "frame-ancestors 'none'" in policy
        assert ("unsafe-inline" in policy) == (path == "/docs")
        assert "Server" not in headers
    assert httpx.get(f"{served}/v1/model").headers["Cache-Control"] == "no-store"


def test_other_origins_may_not_ask_unless_they_are_named(serve, served):
    asked = {"Origin": "https://news.example", "Access-Control-Request-Method": "POST"}
    assert (
        "Access-Control-Allow-Origin" not in httpx.get(f"{served}/v1/model", headers=asked).headers
    )
    url = serve(allow_origins=("https://news.example",), api_keys=("sesame",))
    allowed = httpx.options(f"{url}/v1/score", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://news.example"
    refused = httpx.post(f"{url}/v1/score", json={}, headers=asked)
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://news.example"
    assert refused.headers["Access-Control-Expose-Headers"] == "Retry-After"
    asked["Origin"] = "https://elsewhere.example"
    assert "Access-Control-Allow-Origin" not in httpx.get(url, headers=asked).headers


def test_the_documentation_asks_no_other_host(served):
    page = httpx.get(f"{served}/docs").text
    files = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page)
    assert len(files) == 3
    for name in files:
        assert "//" not in name
        assert httpx.get(f"{served}/{name}").status_code == 200
    assert "<script>" not in page


def test_requests_that_wait_together_are_scored_together(serve, held):
    url = serve(held)
    score(url, "warm up")
    before = counter(url, "respun_batch_texts_count")
    held.free.clear()
    with ThreadPoolExecutor(12) as clients:
        first = clients.submit(score, url, "first")
        until(lambda: held.calls[-1] == ["first"])
        rest = [clients.submit(score, url, f"text {n}") for n in range(10)]
        until(lambda: counter(url, "respun_queue_texts") == 11)
        held.free.set()
        assert all(answer.result().status_code == 200 for answer in [first, *rest])
    assert counter(url, "respun_batch_texts_count") == before + 2
    assert counter(url, "respun_queue_texts") == counter(url, "respun_queue_characters") == 0


def test_overload_is_429_with_a_time_and_passes(serve, held):
    url = serve(held, queue_texts=2)
    held.free.clear()
    with ThreadPoolExecutor(1) as clients:
        first = clients.submit(score, url, "one", "two")
        until(lambda: counter(url, "respun_queue_texts") == 2)
        refused = score(url, "three")
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["error"]["kind"] == "overloaded"
        assert counter(url, "respun_rejected_total") == 1
        held.free.set()
        assert first.result().status_code == 200
    assert score(url, "three").status_code == 200


def test_the_deadline_is_504(serve, held):
    url = serve(held, deadline_s=0.2)
    held.free.clear()
    late = score(url, "one")
    assert (late.status_code, late.json()["error"]["kind"]) == (504, "deadline")
    held.free.set()
    assert score(url, "two").status_code == 200


def test_a_client_that_leaves_takes_its_texts_along(serve, held):
    url = serve(held)
    held.free.clear()
    with ThreadPoolExecutor(1) as clients:
        first = clients.submit(score, url, "one")
        until(lambda: held.calls[-1] == ["one"])
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/score", json={"texts": ["two", "three"]}, timeout=0.3)
        until(lambda: counter(url, "respun_queue_texts") == 1)
        held.free.set()
        assert first.result().status_code == 200
    score(url, "four")
    assert held.calls[-2:] == [["one"], ["four"]]


MANY = 100_000
FLOODS = {
    "wrong": ("/v1/score", {"texts": [0] * MANY}),
    "empty": ("/v1/score", {"texts": [""] * MANY}),
    "named": ("/v1/score", {"texts": [{"id": 1, "text": ""}] * MANY}),
    "tei": ("/predict", {"inputs": [[""]] * MANY}),
    "openai": ("/v1/moderations", {"input": [""] * MANY}),
    "parts": ("/v1/moderations", {"input": [{"type": "text", "text": ""}] * MANY}),
    "attributes": (
        "/v1alpha1/comments:analyze",
        {"comment": {"text": "x"}, "requestedAttributes": {str(n): 0 for n in range(MANY)}},
    ),
    "languages": (
        "/v1alpha1/comments:analyze",
        {"comment": {"text": "x"}, "requestedAttributes": {}, "languages": [0] * MANY},
    ),
    "tasks": ("/label-studio/predict", {"tasks": [{"data": {}}] * MANY, "label_config": "<View/>"}),
    "results": (
        "/label-studio/webhook",
        {"action": "ANNOTATION_CREATED", "annotation": {"result": [0] * MANY}},
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_items_is_refused_at_once_in_a_few_words(served, flood):
    path, body = FLOODS[flood]
    answer = httpx.post(served + path, json=body, timeout=20)
    assert answer.status_code == 413
    assert len(answer.content) < 500


def test_more_tasks_than_texts_are_taken_are_refused_though_they_hold_none(served):
    config = '<View><Text name="t" value="$t"/><Number name="n" toName="t"/></View>'
    body = {"tasks": [{"data": {}}] * 257, "label_config": config}
    answer = httpx.post(f"{served}/label-studio/predict", json=body)
    assert (answer.status_code, "257 tasks" in answer.json()["error"]) == (413, True)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/score", {"texts": [], "threshold": "\x1b\n" * 100_000}),
        (
            "/v1alpha1/comments:analyze",
            {"comment": {"text": "x"}, "requestedAttributes": {"\x1b\n" * 100_000: 0}},
        ),
        (
            "/v1alpha1/comments:analyze",
            {"comment": {"text": "x"}, "requestedAttributes": {"\x1b\n" * 100_000: {}}},
        ),
        ("/label-studio/setup", {"schema": f"<View>&{'x' * 90_000};</View>"}),
        ("/label-studio/setup", {"schema": "<a/>" * 100_000}),
    ],
)
def test_what_a_client_sent_comes_back_in_no_more_than_a_line(served, path, body):
    answer = httpx.post(served + path, json=body)
    assert answer.status_code == 400
    assert len(answer.content) < 1000
    assert "\\u001b" not in answer.text
    assert "\\n" not in answer.text


def test_head_is_answered_as_get_without_a_body(served):
    for path in ("/", "/healthz", "/docs", "/v1/model", "/page/page.js", "/health"):
        answer = httpx.head(served + path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(httpx.get(served + path).content))
    assert httpx.head(f"{served}/v1/score").status_code == 405
    assert 'method="HEAD",route="/healthz",status="200"' in httpx.get(f"{served}/metrics").text
