"""The application: the queue, the routes of every shape, and the locks in front of them.

Failures of all kinds, whoever raises them, meet in `ErrorShaper`, which words them as the clients
of that path expect. Every worker process makes its own application, with its own scorer.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from model.errors import RespunError
from serve.http import docs, page, v1
from serve.http.adapters import coral, label_studio, openai, perspective, tei
from serve.http.answers import JsonAnswer
from serve.http.bounds import TOO_MANY
from serve.http.errors import STATUS, Kind, ServiceError
from serve.http.feedback import FeedbackStore
from serve.http.metrics import Metrics
from serve.http.queue import ScoringQueue
from serve.http.security import BodyReader, Gate, HeaderGuard
from serve.http.service import Service
from serve.http.settings import Settings, keys
from serve.render import printable
from serve.scorer import Scorer

ADAPTERS: tuple[ModuleType, ...] = (tei, openai, perspective, coral, label_studio)
_SHAPES: Mapping[str, ModuleType] = {
    **{adapter.PREFIX: adapter for adapter in ADAPTERS},
    "/predict": tei,
    "/info": tei,
    "/health": tei,
    "/v1/moderations": openai,
    "/v1alpha1": perspective,
    "/$discovery": perspective,
}
"""Whose errors are answered below which path; all others are `v1`'s."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_LINGER_S = 5.0

_log = logging.getLogger("respun")
_access_log = logging.getLogger("respun.access")


def create_worker(settings: Settings) -> FastAPI:
    """The application of one worker process: it says in one line why it cannot start.

    A worker ends when its supervisor is gone, however that came; otherwise it would hold the
    port for ever.
    """
    try:
        application = create_application(settings)
    except RespunError as error:
        _log.error("%s", printable(str(error)))
        sys.exit(STARTUP_FAILURE)  # at which the supervisor stops, too
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:

        def follow() -> None:
            supervisor.join()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=follow, daemon=True).start()
    return application


def create_application(settings: Settings, scorer: Scorer | None = None) -> FastAPI:
    """Load the weights unless a scorer is given, and put the whole service together.

    Raises BundleError and ConfigError as `Scorer.load` does, and ConfigError for keys or a feedback
    file that cannot be used.
    """
    if scorer is None:
        scorer = Scorer.load(settings.model, settings.device, settings.threshold, settings.threads)
    metrics = Metrics()
    queue = ScoringQueue(scorer, settings, metrics)
    queue.warm_up()  # ready means ready
    service = Service(settings, scorer, queue, metrics, FeedbackStore(settings.feedback))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await queue.drain()

    application = FastAPI(
        title="Respun",
        version=v1.VERSION,
        summary="How likely a machine wrote or rewrote a news article.",
        docs_url=None,
        redoc_url=None,
        default_response_class=JsonAnswer,
        lifespan=lifespan,
    )
    for module in (v1, page, docs, *ADAPTERS):
        application.include_router(module.router(service))
    _describe(application)
    _handle_errors(application)
    # The last one added is the outermost.
    application.add_middleware(HeadAnswerer)
    application.add_middleware(
        BodyReader,
        maximum_bytes=settings.maximum_body_bytes,
        timeout_s=settings.body_timeout_s,
    )
    application.add_middleware(
        Gate,
        keys=keys(settings),
        label_studio=label_studio.pair(settings),
        requests_per_minute=settings.requests_per_minute,
        closed={} if settings.coral_secrets else {coral.PREFIX: coral.NO_SECRET},
    )
    application.add_middleware(ErrorShaper, metrics=metrics)
    if settings.allow_origins:
        application.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allow_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=["Retry-After"],
        )
    application.add_middleware(HeaderGuard, allow_origins=settings.allow_origins)
    application.add_middleware(RequestCounter, metrics=metrics)
    return application


class HeadAnswerer:
    """Answers HEAD as GET, which FastAPI's routes do not; uvicorn leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:
            scope["route"] = as_get.get("route")  # by which it is counted


class RequestCounter:
    """Counts and logs every request, by its route; a query may hold a key and is not logged."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 499  # as nginx has it: the client left first

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            seconds = time.perf_counter() - started
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.request(method, route, status, seconds)
            _access_log.info(
                "%s %s %s %d %.0f ms",
                (scope.get("client") or ("-",))[0],
                method,
                printable(scope["path"][:200]),
                status,
                1000 * seconds,
            )


class ErrorShaper:
    """Answers whatever was raised, in the shape of the path; nothing gets past it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = read = False

        async def noting_receive() -> Message:
            nonlocal read
            message = await receive()
            read = read or not message.get("more_body", False)
            return message

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, noting_receive, noting_send)
        except Exception as error:
            if started:
                _unknown(error)
                raise RuntimeError("an answer broke off") from None
            known = error if isinstance(error, ServiceError) else _unknown(error)
            self._metrics.rejected(known.kind)
            answer = _worded(known, scope["path"])
            if read:
                await answer(scope, receive, send)
            else:
                await _answer_early(answer, receive, send)


async def _answer_early(answer: JsonAnswer, receive: Receive, send: Send) -> None:
    """Answer while the client still sends, and close.

    What it sends is thrown away for a while first: a connection that is closed with bytes unread
    is reset, and a client that is reset never sees the answer.
    """
    answer.headers["Connection"] = "close"
    await send(
        {
            "type": "http.response.start",
            "status": answer.status_code,
            "headers": answer.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


def _worded(error: ServiceError, path: str) -> JsonAnswer:
    """The answer to an error, as the clients of this path know errors."""
    module = _shape(path)
    status: Callable[[ServiceError], int] = getattr(module, "status", lambda error: error.status)
    headers = dict(error.headers) if isinstance(error, _Refusal) else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.kind == "unauthorized":
        headers["WWW-Authenticate"] = "Bearer"
    return JsonAnswer(module.error_body(error), status_code=status(error), headers=headers)


def _shape(path: str) -> ModuleType:
    for prefix, module in _SHAPES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return module
    return v1


def _handle_errors(application: FastAPI) -> None:
    """Turn what the framework raises into ServiceErrors, which `ErrorShaper` answers."""

    async def invalid(_: Request, error: Exception) -> Any:
        assert isinstance(error, RequestValidationError)
        raise _invalid(error) from None

    async def refused(request: Request, error: Exception) -> Any:
        assert isinstance(error, HTTPException)
        raise _Refusal(error, request) from None

    application.add_exception_handler(RequestValidationError, invalid)
    application.add_exception_handler(HTTPException, refused)


class _Refusal(ServiceError):
    """What the framework refuses; a wrong method comes with a header that names the right ones."""

    def __init__(self, error: HTTPException, request: Request) -> None:
        kind, self.headers = _kind(error.status_code), error.headers or {}
        path = _shown(request.url.path)
        messages = {
            "not_found": f"{path}: no such path; /docs lists them",
            "wrong_method": f"{path}: answers {self.headers.get('Allow')}",
        }
        super().__init__(kind, messages.get(kind, str(error.detail)))


def _invalid(error: RequestValidationError) -> ServiceError:
    """The first thing that is wrong with a request, without what it holds."""
    first = error.errors()[0]
    place = [_shown(str(part)) for part in first["loc"] if part != "body"]
    if first["type"] == "json_invalid":
        reason = first["ctx"]["error"]
        return ServiceError("invalid", f"the body is not JSON ({reason}, character {place[0]})")
    where = ".".join(place)
    kind: Kind = "too_large" if first["type"] == TOO_MANY else "invalid"
    return ServiceError(kind, f"{where or 'the body'}: {first['msg']}", where or None)


def _shown(name: str) -> str:
    """A name that the client chose, as one may show it; a list of them can be a megabyte long."""
    return printable(name[:100])


def _kind(status: int) -> Kind:
    kinds: Iterable[tuple[Kind, int]] = STATUS.items()
    unnamed: Kind = "invalid" if status < 500 else "internal"
    return next((kind for kind, known in kinds if known == status), unnamed)


def _unknown(error: Exception) -> ServiceError:
    """Our own fault: logged without the error's message, which may quote a text."""
    places = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s at\n%s", type(error).__name__, places)
    return ServiceError("internal", "the service failed at this request; please report it")


def _describe(application: FastAPI) -> None:
    """Make the OpenAPI document say what is so: how keys come, and which errors are answered."""
    plain = application.openapi

    def described() -> dict[str, Any]:
        if application.openapi_schema is None:
            document = plain()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _drop_framework_errors(operation["responses"])
            schemas = document["components"]["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            document["components"]["securitySchemes"] |= {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "query": {"type": "apiKey", "in": "query", "name": "key"},
            }
            document["security"] = [{}, {"bearer": []}, {"header": []}, {"query": []}]
        return application.openapi_schema or {}

    application.openapi = described  # type: ignore[method-assign]


def _drop_framework_errors(responses: dict[str, Any]) -> None:
    """FastAPI documents a 422 of its own, and the service answers 400 in another shape."""
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
