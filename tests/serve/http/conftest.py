"""The real service on a real port: `serve` starts one with any settings, `served` is one for all.

uvicorn runs in a thread of the test's own process, with the protocol and the limits that the
supervisor gives its workers; the supervisor itself is tested in test_main.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from model.result import Result
from serve import Scorer
from serve.http.application import create_application
from serve.http.settings import Settings
from serve.http.supervisor import configure, listen
from serve.scorer import Text

Serve = Callable[..., str]


class HeldScorer(Scorer):
    """The real scorer, which can be held at work, and breaks at texts that say POISON."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.free = threading.Event()
        self.free.set()
        self.calls: list[list[str]] = []

    def score(self, texts: Sequence[Text], explain: bool = False) -> list[Result]:
        self.calls.append([text if isinstance(text, str) else text[1] for text in texts])
        assert self.free.wait(20), "nobody let the scorer go on"
        if any("POISON" in text for text in self.calls[-1]):
            raise RuntimeError(f"cannot score {self.calls[-1]}")
        return super().score(texts, explain)


@contextmanager
def running(settings: Settings, scorer: Scorer | None = None) -> Iterator[str]:
    """The application on a free port; gives its URL, and drains it at the end."""
    application = create_application(settings, scorer)
    configuration = configure(settings)
    configuration.app, configuration.factory = application, False
    for handler in logging.getLogger("respun").handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(sys.__stderr__)  # pytest closes the one of a test that is over
    server = uvicorn.Server(configuration)
    listener = listen(settings.host, 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended before it began"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not end"


@pytest.fixture
def held(tiny_bundle: Path) -> Iterator[HeldScorer]:
    """A scorer to be held at work; let go after the test, so that the service can end."""
    scorer = HeldScorer.load(tiny_bundle, threads=1)
    assert isinstance(scorer, HeldScorer)
    yield scorer
    scorer.free.set()


@pytest.fixture
def serve(tiny_bundle: Path) -> Iterator[Serve]:
    """Starts the service with some settings and gives its URL; ends it after the test.

    `model=None` is the bundle that ships; `scorer` may stand in for one that is loaded.
    """
    with ExitStack() as services:

        def start(scorer: Scorer | None = None, **settings: Any) -> str:
            chosen = replace(Settings(), **{"model": str(tiny_bundle), "threads": 1, **settings})
            return services.enter_context(running(chosen, scorer))

        yield start


@pytest.fixture(scope="module")
def served(tiny_bundle: Path) -> Iterator[str]:
    """The URL of a service with the default settings and the tiny bundle."""
    with running(Settings(model=str(tiny_bundle), threads=1)) as url:
        yield url
