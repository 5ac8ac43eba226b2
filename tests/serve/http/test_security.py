from __future__ import annotations

import base64
import json
import os
import socket
import time
from contextlib import closing, suppress
from hmac import compare_digest
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from serve.http import security

KEYS = ("first-key", "second+/=&key")
WAYS = {
    "bearer": lambda url, key: httpx.get(url, headers={"Authorization": f"Bearer {key}"}),
    "lower": lambda url, key: httpx.get(url, headers={"authorization": f"bearer {key}"}),
    "header": lambda url, key: httpx.get(url, headers={"X-API-Key": key}),
    "query": lambda url, key: httpx.get(url, params={"key": key}),
    "basic": lambda url, key: httpx.get(url, auth=("anyone", key)),
}


def connect(url):
    parts = urlsplit(url)
    return closing(socket.create_connection((parts.hostname, parts.port), timeout=20))


def answer_of(link):
    """All that comes back until the service closes."""
    received = b""
    while chunk := link.recv(65536):
        received += chunk
    return received.decode()


def head(*lines):
    return "\r\n".join(["POST /v1/score HTTP/1.1", "Host: x", *lines, "", ""]).encode()


@pytest.mark.parametrize("way", WAYS)
def test_every_key_opens_in_every_way_and_no_other_does(serve, way):
    url = serve(api_keys=KEYS) + "/v1/model"
    for key in KEYS:
        assert WAYS[way](url, key).status_code == 200
    for key in ("x", "first-ke", "first-key2", "FIRST-KEY", "first-key,second+/=&key", "ü"):
        if way in ("query", "basic") or key.isascii():
            refused = WAYS[way](url, key)
            assert refused.status_code == 401
            assert refused.json()["error"]["kind"] == "unauthorized"
            assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_credentials_that_are_none_are_refused(serve):
    url = serve(api_keys=KEYS) + "/v1/model"
    broken = base64.b64encode(b"\xff\xfe").decode()
    for value in ("", "Basic", "Basic !!!", f"Basic {broken}", "Digest first-key", "Bearer"):
        assert httpx.get(url, headers={"Authorization": value}).status_code == 401
    assert httpx.get(url, headers={b"X-API-Key": b"\xff\xff"}).status_code == 401


def test_all_keys_are_compared_whichever_fits(serve, monkeypatch):
    compared = []

    def compare(*digests):
        compared.append(digests)
        return compare_digest(*digests)

    url = serve(api_keys=KEYS) + "/v1/model"
    monkeypatch.setattr(security, "compare_digest", compare)
    assert WAYS["bearer"](url, KEYS[0]).status_code == 200
    assert len(compared) == len(KEYS)
    assert {len(digest) for pair in compared for digest in pair} == {32}


def test_what_holds_no_text_needs_no_key(serve):
    url = serve(api_keys=KEYS)
    for path in ("/", "/healthz", "/readyz", "/docs", "/docs/start.js", "/openapi.json"):
        assert httpx.get(url + path).status_code == 200
    for path in ("/metrics", "/v1/model", "/info", "/nowhere", "//", "/docs/../v1/model"):
        assert httpx.get(url + path).status_code == 401
    assert httpx.post(f"{url}/v1/score", json={"texts": []}).status_code == 401


def test_keys_of_a_file_are_read_when_a_worker_starts(serve, tmp_path):
    file = tmp_path / "keys"
    file.write_text("old\nnew\n")
    first = serve(keys_file=file) + "/v1/model"
    file.write_text("new\n")
    second = serve(keys_file=file) + "/v1/model"
    statuses = [
        WAYS["bearer"](url, key).status_code for url in (first, second) for key in ("old", "new")
    ]
    assert statuses == [200, 200, 401, 200]


def test_a_key_that_asks_too_often_waits_and_others_do_not(serve, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(security, "monotonic", lambda: now)
    url = serve(api_keys=KEYS, requests_per_minute=6) + "/v1/model"
    answers = [WAYS["bearer"](url, KEYS[0]) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2
    assert answers[6].json()["error"]["kind"] == "too_many_requests"
    assert answers[6].headers["Retry-After"] == "10"
    assert WAYS["header"](url, KEYS[1]).status_code == 200
    assert httpx.get(url.replace("/v1/model", "/healthz")).status_code == 200
    now += 9
    assert WAYS["query"](url, KEYS[0]).headers["Retry-After"] == "1"
    now += 1
    assert [WAYS["basic"](url, KEYS[0]).status_code for _ in range(2)] == [200, 429]


def test_without_keys_the_rate_is_per_address(serve):
    url = serve(requests_per_minute=1) + "/v1/model"
    statuses = [httpx.get(url).status_code for _ in range(2)]
    assert statuses == [200, 429]


def test_a_body_that_says_it_is_too_large_is_refused_at_once(serve):
    url = serve(maximum_body_bytes=1000)
    with connect(url) as link:
        link.sendall(head("Content-Length: 1001", "Content-Type: application/json"))
        link.sendall(b"x" * 1001)
        answer = answer_of(link)
    assert answer.startswith("HTTP/1.1 413 ")
    assert '"too_large"' in answer
    fits = json.dumps({"texts": []}).encode().ljust(1000)
    assert httpx.post(
        f"{url}/v1/score", content=fits, headers={"Content-Type": "application/json"}
    ).is_success


def test_a_body_of_unknown_length_is_refused_once_it_is_too_large(serve):
    url = serve(maximum_body_bytes=1000)

    def endless():
        for _ in range(200):
            yield b" " * 100

    answer = httpx.post(f"{url}/v1/score", content=endless(), timeout=20)
    assert answer.status_code == 413


def test_100_megabytes_are_refused_and_leave_no_trace_in_memory(served):
    process = psutil.Process(os.getpid())

    def body():
        for _ in range(100):
            yield bytes(1_000_000)

    httpx.post(f"{served}/v1/score", content=bytes(1000))
    before = process.memory_info().rss
    answer = httpx.post(f"{served}/v1/score", content=body(), timeout=30)
    assert answer.status_code == 413
    assert process.memory_info().rss - before < 40_000_000


def test_bodies_of_all_requests_together_are_bounded(serve, monkeypatch):
    monkeypatch.setattr(security, "_BODIES_AT_ONCE", 1)
    url = serve(maximum_body_bytes=1000)
    with connect(url) as link:
        link.sendall(head("Content-Length: 900") + b"x" * 800)
        time.sleep(0.2)
        refused = httpx.post(f"{url}/v1/score", content=b"x" * 300)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "1"
    time.sleep(0.2)
    assert httpx.post(f"{url}/v1/score", content=b"x" * 300).status_code == 400


def test_a_body_that_comes_too_slowly_is_refused(serve):
    url = serve(body_timeout_s=0.3)
    with connect(url) as link:
        link.sendall(head("Content-Length: 100") + b"{")
        started = time.perf_counter()
        link.settimeout(10)
        answer = link.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 408 ")
    assert "Connection: close" in answer or "connection: close" in answer
    assert time.perf_counter() - started < 5


def test_a_head_that_never_ends_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(security, "_HEADER_TIMEOUT_S", 0.3)
    url = serve()
    for sent in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
        with connect(url) as link:
            link.sendall(sent)
            assert answer_of(link) == ""
    # and as well one that comes after a request that was in order
    with connect(url) as link:
        link.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while not received.endswith(b"}"):
            received += link.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 ")
        link.sendall(b"GET / HT")
        started = time.perf_counter()
        assert answer_of(link) == ""
        assert time.perf_counter() - started < 5


def test_a_slow_answer_is_not_mistaken_for_a_slow_head(serve, held, monkeypatch):
    monkeypatch.setattr(security, "_HEADER_TIMEOUT_S", 0.2)
    url = serve(held)
    held.free.clear()
    body = b'{"texts": ["one"]}'
    with connect(url) as link:
        link.sendall(
            head(
                f"Content-Length: {len(body)}",
                "Content-Type: application/json",
                "Connection: close",
            )
            + body
        )
        time.sleep(0.6)
        held.free.set()
        assert answer_of(link).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("flood", ["many", "long"])
def test_a_flood_of_headers_is_refused(served, flood):
    lines = [f"X-{n}: y" for n in range(20_000)] if flood == "many" else [f"X: {'y' * 200_000}"]
    with connect(served) as link:
        try:
            link.sendall(head(*lines))
            answer = answer_of(link)
        except (BrokenPipeError, ConnectionResetError):
            return  # refused while it was still coming
    assert answer.startswith("HTTP/1.1 400 ") or answer == ""
    assert httpx.get(f"{served}/healthz").status_code == 200


def test_a_client_that_breaks_off_in_its_body_is_forgotten(served):
    for _ in range(20):
        with connect(served) as link:
            link.sendall(head("Content-Length: 100", "Content-Type: application/json") + b'{"te')
    assert httpx.get(f"{served}/readyz").status_code == 200
    assert "respun_queue_texts 0.0" in httpx.get(f"{served}/metrics").text


def test_a_client_that_does_not_read_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(security, "_READING_TIMEOUT_S", 0.3)
    url = serve()
    asked = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    whole = 6 * len(httpx.get(f"{url}/docs/swagger-ui-bundle.js").content)
    with connect(url) as link:
        link.sendall(asked * 6)
        time.sleep(2)
        received = 0
        with suppress(ConnectionResetError):
            while chunk := link.recv(1_000_000):
                received += len(chunk)
    assert received < whole


def test_a_client_that_reads_slowly_gets_everything(serve, monkeypatch):
    monkeypatch.setattr(security, "_READING_TIMEOUT_S", 0.5)
    url = serve()
    size = len(httpx.get(f"{url}/docs/swagger-ui-bundle.js").content)
    closing_request = (
        b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n"
    )
    with connect(url) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        link.sendall(closing_request)
        received = 0
        while chunk := link.recv(100_000):
            received += len(chunk)
            time.sleep(0.02)
    assert received > size


def test_what_needs_no_key_takes_no_body_and_no_room_from_what_does(serve, monkeypatch):
    monkeypatch.setattr(security, "_BODIES_AT_ONCE", 1)
    url = serve(api_keys=KEYS, coral_secrets=("secret",), maximum_body_bytes=2_000_000)
    assert httpx.post(f"{url}/docs/start.js", content=bytes(1001)).status_code == 413
    assert httpx.post(f"{url}/coral", content=bytes(1_000_001)).status_code == 413
    stalled = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    with connect(url) as page, connect(url) as coral:
        page.sendall(stalled % (b"/docs/start.js", 1000) + bytes(999))
        coral.sendall(stalled % (b"/coral", 1_000_000) + bytes(999_999))
        time.sleep(0.2)
        full = json.dumps({"texts": []}).encode().ljust(2_000_000)
        headers = {"Content-Type": "application/json", "X-API-Key": KEYS[0]}
        assert httpx.post(f"{url}/v1/score", content=full, headers=headers).status_code == 200
        assert httpx.get(f"{url}/docs/start.js").status_code == 200
        assert httpx.post(f"{url}/coral", content=bytes(100)).status_code == 429


def test_label_studios_pair_opens_its_paths_and_no_others(serve):
    url = serve(api_keys=KEYS, label_studio_user="ls", label_studio_password="pass")
    setup = {"schema": "<View/>"}
    for auth, status in ((("ls", "pass"), 400), (("ls", KEYS[0]), 401), (("x", "pass"), 401)):
        answer = httpx.post(f"{url}/label-studio/setup", json=setup, auth=auth)
        assert answer.status_code == status
    assert httpx.get(f"{url}/v1/model", auth=("ls", "pass")).status_code == 401
    assert httpx.get(f"{url}/label-studio-2", auth=("ls", "pass")).status_code == 401


def test_the_page_and_its_files_are_not_counted(serve):
    url = serve(requests_per_minute=1)
    for path in ("/", "/page/page.js", "/page/facts.json", "/docs/start.js") * 2:
        assert httpx.get(url + path).status_code == 200
    assert [httpx.get(f"{url}/v1/model").status_code for _ in range(2)] == [200, 429]


def test_a_proxy_is_believed_where_it_is_named(serve):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    for settings, scheme in (({}, "https"), ({"forwarded_allow_ips": ("192.0.2.1",)}, "http")):
        url = serve(requests_per_minute=1, **settings)
        address = httpx.get(f"{url}/$discovery/rest", headers=headers).json()["rootUrl"]
        assert address == url.replace("http:", f"{scheme}:") + "/perspective/"
        own = httpx.get(f"{url}/v1/model").status_code
        assert own == (200 if scheme == "https" else 429)  # counted as another client, or as one
