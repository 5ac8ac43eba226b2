"""The service as people start it: a supervisor, its workers, signals, exit codes."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

import serve.http.__main__ as main
from model.errors import RespunError
from serve import Scorer

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "serve.http"]


def environment(**variables):
    return {**os.environ, "RESPUN_HTTP_THREADS": "1", **variables}


@contextmanager
def service(*arguments, **variables):
    """The service in a process of its own, on a free port; gives the process and the URL."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=ROOT,
        env=environment(**variables),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    reader = threading.Thread(target=process.stderr.read)
    try:
        found = re.search(r"http://\S+(?=/)", process.stderr.readline())
        assert found, process.stderr.read()
        # A pipe that nobody reads would fill with the log, and stop the service.
        reader.start()
        yield process, found[0]
    finally:
        process.terminate()
        process.wait(60)
        if reader.ident is not None:
            reader.join(60)
        process.stderr.close()


def workers(process):
    """The processes that score; the supervisor has another child, which tracks resources."""
    found = []
    for child in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def get(url, **more):
    return httpx.get(url, timeout=30, **more)


def run(*arguments, **variables):
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


def complaint(done):
    """The last line on standard error; there may be no traceback above it."""
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.strip().splitlines()[-1]


def test_help_tells_the_exit_codes_and_every_variable_that_is_a_secret():
    done = run("--help")
    assert done.returncode == 0
    for word in (
        "exit codes:",
        "examples:",
        "RESPUN_HTTP_KEYS",
        "RESPUN_HTTP_CORAL_SECRETS",
        "--feedback FILE",
        "--requests-per-minute COUNT",
    ):
        assert word in done.stdout


def test_wrong_usage_ends_with_2(tmp_path):
    for arguments, variables, words in (
        (["--port", "x"], {}, "whole number"),
        (["--keys", "sesame"], {}, "unrecognized"),
        (["--host", "0.0.0.0"], {}, "no key is set"),
        ([], {"RESPUN_HTTP_WORKERS": "none"}, "RESPUN_HTTP_WORKERS"),
        (["--keys-file", str(tmp_path / "gone")], {}, "cannot be read"),
        (["--feedback", str(tmp_path / "gone" / "file")], {}, "check --feedback"),
    ):
        done = run(*arguments, **variables)
        assert (done.returncode, words in complaint(done)) == (2, True)


def test_a_port_in_use_and_weights_that_are_none_end_with_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot be opened" in complaint(done)
    done = run("--host", "a..b", "--allow-no-key")
    assert done.returncode == 1
    assert "a..b port 8080: cannot be opened" in complaint(done)
    done = run("--port", "0", "--model", str(tmp_path))
    assert done.returncode == 1
    assert "respun.json" in complaint(done)


def test_a_worker_that_cannot_start_ends_the_service_with_1(tiny_bundle):
    done = run("--port", "0", "--model", str(tiny_bundle), "--device", "cuda")
    assert done.returncode == 1
    assert "device cuda" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_that_is_killed_is_replaced_while_clients_wait(tiny_bundle):
    arguments = ("--model", str(tiny_bundle))
    with service(*arguments, RESPUN_HTTP_KEYS="sesame-1") as (process, url):
        assert get(f"{url}/readyz").status_code == 200
        [worker] = workers(process)
        for one in (psutil.Process(process.pid), worker):
            assert "sesame-1" not in " ".join(one.cmdline())
        assert get(f"{url}/v1/model").status_code == 401
        worker.kill()
        started = time.monotonic()
        assert get(f"{url}/v1/model?key=sesame-1").status_code == 200
        assert time.monotonic() - started < 20  # under 2 s where the machine does nothing else
        [replacement] = workers(process)
        assert replacement.pid != worker.pid


def test_the_supervisor_holds_no_weights_and_its_end_is_the_workers_end(tiny_bundle):
    with service("--model", str(tiny_bundle)) as (process, url):
        assert get(f"{url}/readyz").status_code == 200
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
        assert "onnxruntime" not in loaded
        [worker] = workers(process)
        process.kill()
        worker.wait(20)
        with pytest.raises(httpx.ConnectError):
            get(f"{url}/readyz")


@pytest.mark.slow
def test_ending_answers_what_was_accepted_and_refuses_the_rest(toy_article):
    texts = [toy_article * 6 + str(n) for n in range(8)]  # a second of work or two
    with service(RESPUN_HTTP_DEADLINE_S="120") as (process, url), ThreadPoolExecutor(1) as clients:
        assert get(f"{url}/readyz").status_code == 200
        accepted = clients.submit(httpx.post, f"{url}/v1/score", json={"texts": texts}, timeout=120)
        while "respun_queue_texts 8.0" not in get(f"{url}/metrics").text:
            time.sleep(0.02)
            assert not accepted.done()
        process.send_signal(signal.SIGTERM)
        while not _refused(url):
            time.sleep(0.02)
        answer = accepted.result()
        assert answer.status_code == 200
        assert process.wait(30) == 0
    results = answer.json()["results"]
    assert len(results) == 8
    expected = Scorer.load(threads=1).score(texts[:1])[0].score
    assert results[0]["score"] == pytest.approx(expected, abs=1e-6)


def _refused(url):
    try:
        httpx.get(f"{url}/healthz", timeout=5)
    except httpx.TransportError:
        return True
    return False


@pytest.mark.slow
def test_several_workers_add_up_their_counters_and_a_hangup_reads_the_keys_anew(
    tiny_bundle, tmp_path
):
    file = tmp_path / "keys"
    file.write_text("old\n")
    arguments = ("--model", str(tiny_bundle), "--workers", "2", "--keys-file", str(file))
    with service(*arguments) as (process, url):
        assert get(f"{url}/readyz").status_code == 200
        while len(workers(process)) < 2:
            time.sleep(0.05)
        before = {worker.pid for worker in workers(process)}
        for _ in range(20):
            assert get(f"{url}/v1/model?key=old").status_code == 200
        counted = re.search(
            r'respun_requests_total\{.*route="/v1/model",status="200".*\} (\S+)',
            get(f"{url}/metrics?key=old").text,
        )
        assert counted
        assert float(counted[1]) == 20
        file.write_text("new\n")
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        while {worker.pid for worker in workers(process)} & before:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert get(f"{url}/v1/model?key=new").status_code == 200
        assert get(f"{url}/v1/model?key=old").status_code == 401


@pytest.mark.slow
def test_a_keys_file_that_is_broken_meanwhile_ends_neither_workers_nor_the_service(
    tiny_bundle, tmp_path
):
    file = tmp_path / "keys"
    file.write_text("sesame\n")
    with service("--model", str(tiny_bundle), "--keys-file", str(file)) as (process, url):
        assert get(f"{url}/v1/model?key=sesame").status_code == 200
        [worker] = workers(process)
        file.unlink()
        process.send_signal(signal.SIGHUP)
        time.sleep(2)
        assert [one.pid for one in workers(process)] == [worker.pid]
        worker.kill()
        assert get(f"{url}/v1/model?key=sesame").status_code == 200
        assert process.poll() is None


def test_one_worker_needs_no_folder_and_several_say_so(monkeypatch):
    def none(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    with main._shared_metrics(1):
        pass
    with pytest.raises(RespunError, match="Read-only file system"), main._shared_metrics(2):
        pass


_WATCHED = """
import atexit, json, sys
from pathlib import Path
events = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "pickle.find_class"):
        events.append([event, repr(arguments)])
sys.addaudithook(watch)
atexit.register(lambda: print(json.dumps(events), flush=True))
import uvicorn
from serve.http.application import create_application
from serve.http.settings import Settings
from serve.http.supervisor import configure, listen
settings = Settings(
    model=sys.argv[1], threads=1, feedback=Path(sys.argv[2]), coral_secrets=("secret",)
)
configuration = configure(settings)
configuration.app, configuration.factory = create_application(settings), False
listener = listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
uvicorn.Server(configuration).run([listener])
"""


_CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="Human"/>'
    "</Choices></View>"
)
_REQUESTS = {
    "/predict": {"inputs": "ARTICLE"},
    "/v1/moderations": {"input": "ARTICLE"},
    "/v1alpha1/comments:analyze": {
        "comment": {"text": "ARTICLE"},
        "requestedAttributes": {"MACHINE_WRITTEN": {}},
    },
    "/v1alpha1/comments:suggestscore": {
        "comment": {"text": "ARTICLE"},
        "attributeScores": {"MACHINE_WRITTEN": {"summaryScore": {"value": 1}}},
    },
    "/coral": {"action": "NEW", "comment": {"body": "<p>ARTICLE</p>"}},
    "/label-studio/predict": {"tasks": [{"data": {"text": "ARTICLE"}}], "label_config": _CONFIG},
    "/label-studio/webhook": {
        "action": "ANNOTATION_CREATED",
        "project": {"id": 1, "label_config": _CONFIG},
        "task": {"id": 1, "data": {"text": "ARTICLE"}},
        "annotation": {"result": [{"from_name": "c", "value": {"choices": ["Human"]}}]},
    },
}


def test_serving_connects_nowhere_and_unpickles_nothing(tiny_bundle, toy_article, tmp_path):
    feedback = tmp_path / "feedback.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", _WATCHED, str(tiny_bundle), str(feedback)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    for path in ("/", "/docs", "/v1/model", "/metrics", "/openapi.json", "/info"):
        assert get(url + path).status_code == 200
    answer = httpx.post(f"{url}/v1/score", json={"texts": [toy_article]}, timeout=30)
    assert answer.json()["results"][0]["score"] is not None
    for path, body in _REQUESTS.items():
        content = json.dumps(body).replace("ARTICLE", json.dumps(toy_article)[1:-1]).encode()
        signature = f"sha256={hmac.new(b'secret', content, hashlib.sha256).hexdigest()}"
        headers = {"Content-Type": "application/json", "X-Coral-Signature": signature}
        answer = httpx.post(url + path, content=content, headers=headers, timeout=30)
        assert answer.is_success, answer.text
    assert len(feedback.read_text().splitlines()) == 2
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    # The address to listen on is looked up, and nothing else.
    assert json.loads(output) == [["socket.getaddrinfo", "('127.0.0.1', 0, 0, 1, 0)"]]
