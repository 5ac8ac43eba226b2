"""Broken clients and killed workers against the service in processes of its own.

What a single request may be is tested in test_security and test_application; here it is what is
left of the service afterwards: its answers, its memory, its patience with everyone else.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from serve import Scorer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
JSON = {"Content-Type": "application/json"}
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def texts(toy_article):
    """Articles that differ, so that an answer to another's question would show."""
    return [f"{toy_article}\nThe vote was {n} to {40 - n}.\n" * (1 + n % 3) for n in range(12)]


@pytest.fixture(scope="module")
def expected(tiny_bundle, texts):
    return [result.score for result in Scorer.load(tiny_bundle, threads=1).score(texts)]


@pytest.fixture
def service(tiny_bundle, tmp_path):
    """The service with one worker; gives the supervisor and the URL."""
    log = tmp_path / "log"
    environment = {**os.environ, "RESPUN_HTTP_THREADS": "1", "RESPUN_HTTP_BODY_TIMEOUT_S": "2"}
    command = [sys.executable, "-m", "serve.http", "--port", "0", "--model", str(tiny_bundle)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=file)
    try:
        while not (found := re.search(r"http://\S+(?=/)", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        httpx.get(f"{found[0]}/readyz", timeout=60)
        yield psutil.Process(process.pid), found[0]
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in log.read_text()


def worker(supervisor):
    [found] = [one for one in supervisor.children() if "spawn_main" in " ".join(one.cmdline())]
    return found


class Peak:
    """How far a process's memory rose, at most, while something was done to it; in bytes."""

    def __init__(self, process):
        self._folder = Path(f"/proc/{process.pid}")
        self.rise = 0

    def __enter__(self):
        (self._folder / "clear_refs").write_text("5")  # the peak is what is held now
        self._before = self._held()
        return self

    def __exit__(self, *_):
        self.rise = self._held() - self._before

    def _held(self):
        found = re.search(r"VmHWM:\s+(\d+) kB", (self._folder / "status").read_text())
        assert found
        return 1024 * int(found[1])


def score(client, url, text):
    return client.post(f"{url}/v1/score", json={"texts": [text]})


def connect(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def test_a_worker_killed_under_load_costs_its_own_requests_and_no_wrong_answer(
    service, texts, expected
):
    supervisor, url = service
    over = threading.Event()
    answered: list[float] = []
    broken: list[float] = []

    def ask(place):
        with httpx.Client(timeout=30) as client:
            while not over.is_set():
                place = (place + 5) % len(texts)
                try:
                    answer = score(client, url, texts[place])
                except httpx.TransportError:
                    broken.append(time.monotonic())
                    continue
                answered.append(time.monotonic())
                assert answer.status_code == 200
                [result] = answer.json()["results"]
                assert result["score"] == pytest.approx(expected[place], abs=1e-6)

    def wait_for_answers(number):
        end = time.monotonic() + 30
        while len(answered) < number:
            assert time.monotonic() < end, "no answers"
            time.sleep(0.02)

    with ThreadPoolExecutor(4) as clients:
        try:
            asking = [clients.submit(ask, place) for place in range(4)]
            wait_for_answers(20)
            victim = worker(supervisor)
            victim.kill()
            killed = time.monotonic()
            # An answer may still lie in a client's socket: the dead give no more after that.
            victim.wait(5)
            before = len(answered) + 4
            wait_for_answers(before + 20)
        finally:
            over.set()
    for one in asking:
        one.result()
    assert worker(supervisor).pid != victim.pid
    # One for each client at most: those who come meanwhile wait for the next worker.
    assert len(broken) <= 4
    assert answered[before] - killed < 5


def test_100_megabytes_are_refused_with_the_workers_memory_flat(service):
    supervisor, url = service

    def chunks():
        for _ in range(100):
            yield bytes(MEGABYTE)

    for body in (bytes(100 * MEGABYTE), chunks()):
        with Peak(worker(supervisor)) as peak:
            answer = httpx.post(f"{url}/v1/score", content=body, headers=JSON, timeout=60)
        assert answer.status_code == 413
        # What may be held, while the array that holds it grows, and what is on its way.
        assert peak.rise < 30 * MEGABYTE


def test_deep_and_wide_json_is_refused_with_the_workers_memory_flat(service):
    supervisor, url = service
    for body in (
        b"[" * 9 * MEGABYTE,
        b'{"texts":' * MEGABYTE,
        b'{"texts": ["' + b"\\u0000" * MEGABYTE,
        b'{"texts": [' + b"9" * 9 * MEGABYTE + b"]}",
    ):
        with Peak(worker(supervisor)) as peak:
            answer = httpx.post(f"{url}/v1/score", content=body, headers=JSON, timeout=60)
        assert answer.status_code == 400
        assert peak.rise < 80 * MEGABYTE
    assert httpx.get(f"{url}/readyz").status_code == 200


def test_2000_small_requests_leave_the_workers_memory_flat(service):
    supervisor, url = service

    def ask(number):
        with httpx.Client() as client:
            for _ in range(number):
                assert score(client, url, "too short to be scored").status_code == 200

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(ask, [100] * 4))
        before = worker(supervisor).memory_info().rss
        list(clients.map(ask, [500] * 4))
    assert worker(supervisor).memory_info().rss - before < 5 * MEGABYTE


def test_slow_clients_keep_nobody_waiting_and_are_sent_away(service, texts, expected):
    _, url = service
    half = b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    with ExitStack() as links:
        slow = [links.enter_context(connect(url)) for _ in range(200)]
        for number, link in enumerate(slow):
            # Every second one breaks off in its head, the others in their body.
            link.sendall(half if number % 2 else half + b'\r\n{"texts": [')
        with httpx.Client(timeout=20) as client:
            started = time.monotonic()
            [result] = score(client, url, texts[0]).json()["results"]
            assert time.monotonic() - started < 2  # before any of them is sent away
        assert result["score"] == pytest.approx(expected[0], abs=1e-6)
        for number, link in enumerate(slow):
            received = link.recv(100)  # raises where nothing comes
            assert received.startswith(b"HTTP/1.1 408 ") or (number % 2 and not received)


def test_nul_and_lone_surrogates_are_scored_as_the_library_scores_them(service, tiny_bundle, texts):
    _, url = service
    text = texts[0].replace("pool", "po\0ol").replace("summer", "sum\ud800mer") + "\udfff"
    body = json.dumps({"texts": [text], "explain": True}).encode("ascii")
    answer = httpx.post(f"{url}/v1/score", content=body, headers=JSON, timeout=20)
    [result] = answer.json()["results"]
    [own] = Scorer.load(tiny_bundle, threads=1).score([text], explain=True)
    assert result["score"] == pytest.approx(own.score, abs=1e-6)
    assert result["signals"] == json.loads(json.dumps(own.to_dict()["signals"]))
    assert [(one["start"], one["end"]) for one in result["passages"]] == [
        (one.start, one.end) for one in own.passages
    ]


def test_the_runtime_keeps_no_record_of_its_use_to_send(tiny_bundle, toy_article, tmp_path):
    # onnxruntime 1.32 does, in ~/.cache/Microsoft, and sends it from native threads, which no
    # audit hook of Python sees, unless ORT_DISABLE_TELEMETRY=1 is set before it is imported.
    home = tmp_path / "home"
    home.mkdir()
    hidden = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "serve.score", "--model", str(tiny_bundle), "-"],
        cwd=ROOT,
        env={**environment, "HOME": str(home)},
        input=toy_article.encode(),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
