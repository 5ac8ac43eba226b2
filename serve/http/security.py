"""The locks on the door: who may ask, how much, how often and how slowly.

Pure ASGI middleware, in front of everything that parses. A request passes `Gate` (key, rate),
then `BodyReader`, which holds the whole body before the application sees any of it, and then
listens for the client to leave. Both refuse by raising a ServiceError, which `application` words.
`HeaderGuard` and `PatientProtocol` stand at the outer edge: what every answer carries, and how
long a client may take to say what it wants, and to take the answer.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from time import monotonic
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from serve.http.errors import ServiceError

MAXIMUM_HEADER_BYTES = 32_768
_HEADER_TIMEOUT_S = 10.0
_READING_TIMEOUT_S = 20.0
_READING_BYTES = 40_000  # that a client takes in such a time, or is cut off
_BODIES_AT_ONCE = 8  # full-sized bodies that may be held in memory together
_OPEN_BODY_BYTES = 1_000  # nothing that needs no key has any use for a body
_CORAL_BODY_BYTES = 1_000_000  # a comment, which is read before its signature can be checked
_CLIENTS_KNOWN = 10_000

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# Swagger UI styles its elements in place.
_DOCS_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_CORAL = "/coral"
_LABEL_STUDIO = "/label-studio"

# The page and the documents hold nothing secret, and nobody sends a key for them; Coral signs its
# requests instead.
_HEALTH_PATHS = frozenset(("/healthz", "/readyz", "/health", "/tei/health", "/label-studio/health"))
_OPEN_PATHS = _HEALTH_PATHS | {
    "/",
    "/docs",
    "/openapi.json",
    "/$discovery/rest",
    "/perspective/$discovery/rest",
}
_STATIC_PREFIXES = ("/page/", "/docs/")


class HeaderGuard:
    """Adds the security headers to every answer; what is no file may not be stored."""

    def __init__(self, app: ASGIApp, allow_origins: Sequence[str] = ()) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if allow_origins:
            self._headers["Cross-Origin-Resource-Policy"] = "cross-origin"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                policy = _DOCS_POLICY if path.rstrip("/") == "/docs" else _POLICY
                headers.setdefault("Content-Security-Policy", policy)
                if not path.startswith(_STATIC_PREFIXES):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Gate:
    """Asks for a key where keys are set, and counts how often each one comes.

    A key may come as a bearer token, as X-API-Key, as the password of basic authentication or
    as `?key=`; the tools differ. Label Studio can send nothing but a user's name and a password, so
    its own pair, as `NAME:PASSWORD`, is a key for its paths. The rate is a token bucket per key, or
    per client's address where there is none, and each worker keeps its own; the page and its files
    are not counted. `closed` names paths that cannot be used as the service is set up, and why.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Sequence[str] = (),
        label_studio: str | None = None,
        requests_per_minute: int | None = None,
        closed: Mapping[str, str] | None = None,
    ) -> None:
        self._app = app
        self._digests = [_digest(key) for key in keys]
        self._label_studio = None if label_studio is None else _digest(label_studio)
        self._rate = requests_per_minute
        self._closed = closed or {}
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path in self._closed:
                raise ServiceError("not_found", self._closed[path])
            caller = self._caller(scope)
            if path != "/" and path not in _HEALTH_PATHS and not path.startswith(_STATIC_PREFIXES):
                self._limit(caller)
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> bytes:
        """Who asks: the digest of the key, or the address; raises where a key is missing."""
        address = str((scope.get("client") or ("", 0))[0]).encode()
        if not self._digests or _is_open(scope["path"]) or scope["path"] == _CORAL:
            return address
        known = None
        for offered in _offered_keys(scope):
            digest = _digest(offered)
            # Every key is compared, so that the time tells nothing about which one was near.
            for own in self._digests:
                if compare_digest(digest, own):
                    known = own
        own_pair = self._label_studio if _is_below(scope["path"], _LABEL_STUDIO) else None
        if own_pair is not None and compare_digest(_digest(_basic_pair(scope)), own_pair):
            known = own_pair
        if known is None:
            raise ServiceError(
                "unauthorized",
                "no known API key in the request; send one as `Authorization: Bearer KEY` or "
                "`X-API-Key: KEY`",
            )
        return known

    def _limit(self, caller: bytes) -> None:
        if self._rate is None:
            return
        now = monotonic()
        left, then = self._buckets.pop(caller, (float(self._rate), now))
        left = min(left + (now - then) * self._rate / 60, float(self._rate))
        self._buckets[caller] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > _CLIENTS_KNOWN:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = (1 - left) * 60 / self._rate
            raise ServiceError(
                "too_many_requests",
                f"more than {self._rate} requests a minute; wait {wait:.1f} s",
                retry_after=math.ceil(wait),
            )


@dataclass(slots=True)
class _Room:
    """How large one body may be, and how many bytes of such bodies are in memory."""

    maximum: int
    held: int = 0


class BodyReader:
    """Reads the body whole, within its limits, then runs the application until the client leaves.

    Bodies of all requests together are bounded too: a queue of texts is no use when the bodies
    in front of it fill the memory. Those that needed no key to come here have little room, and one
    of their own, so that they cannot take that of the others.
    """

    def __init__(self, app: ASGIApp, maximum_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s
        self._room = _Room(maximum_bytes)
        self._open_room = _Room(min(maximum_bytes, _OPEN_BODY_BYTES))
        self._coral_room = _Room(min(maximum_bytes, _CORAL_BODY_BYTES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        room = self._room_for(scope["path"])
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > room.maximum:
            raise _too_large(room)
        body = await self._read(receive, room)
        if body is None:
            return
        try:
            await self._answer(scope, body, receive, send)
        finally:
            room.held -= len(body)

    def _room_for(self, path: str) -> _Room:
        if path == _CORAL:
            return self._coral_room
        return self._open_room if _is_open(path) else self._room

    async def _read(self, receive: Receive, room: _Room) -> bytes | None:
        """The whole body, which takes its room from now on; None where the client left before."""
        body = bytearray()
        kept = False
        try:
            async with asyncio.timeout(self._timeout_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunk = message.get("body", b"")
                    more = message.get("more_body", False)
                    body += chunk
                    room.held += len(chunk)
                    if len(body) > room.maximum:
                        raise _too_large(room)
                    if room.held > _BODIES_AT_ONCE * room.maximum:
                        raise ServiceError(
                            "overloaded", "too many large requests at once", retry_after=1
                        )
            kept = True
            return bytes(body)
        except TimeoutError as error:
            raise _TooSlow(
                "invalid",
                f"the body did not arrive within {self._timeout_s:g} s; send it faster, "
                "or in smaller requests",
            ) from error
        finally:
            if not kept:
                room.held -= len(body)

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Run the application on a body, and cancel it should the client leave."""
        replayed = answered = False

        async def replay() -> Message:
            nonlocal replayed
            if not replayed:
                replayed = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        async def watched_send(message: Message) -> None:
            nonlocal answered
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answered = True

        async def client_left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        work = asyncio.ensure_future(self._app(scope, replay, watched_send))
        watch = asyncio.ensure_future(client_left())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not answered:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                return
            await work
        finally:
            watch.cancel()
            work.cancel()


def _too_large(room: _Room) -> ServiceError:
    return ServiceError(
        "too_large",
        f"the body has more than {room.maximum:,} bytes; send fewer or shorter texts at once",
    )


class _TooSlow(ServiceError):
    """The one `invalid` that has a status of its own."""

    @property
    def status(self) -> int:
        return 408


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 over h11, with an end to its patience for a head and for a reader.

    h11 and not httptools, because it bounds the head, which a flood of headers would fill. uvicorn
    closes a connection once all is sent, so a client that reads nothing would keep it, and the
    answer in memory, for ever: such a one is cut off.
    """

    _late: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first request."""
        super().connection_made(transport)
        # "Paused" then means that something is unsent, and `pause_writing` that the clock starts.
        transport.set_write_buffer_limits(high=0)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Go on as uvicorn does, and start or stop the clock."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop()
        self._stop_reading_clock()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client has not taken what was sent: start the clock for its reading."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """All is sent: stop the clock."""
        self._stop_reading_clock()
        super().resume_writing()

    def _expect_reading(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(_READING_TIMEOUT_S, self._check_reading, unsent)

    def _check_reading(self, unsent: int) -> None:
        if unsent - self.transport.get_write_buffer_size() < _READING_BYTES:
            self.transport.abort()
        else:
            self._expect_reading()

    def _stop_reading_clock(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _watch(self) -> None:
        begun = self.cycle is None or bool(self.conn.trailing_data[0])
        if not begun or (self.cycle is not None and not self.cycle.response_complete):
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(_HEADER_TIMEOUT_S, self.transport.close)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_STATIC_PREFIXES)


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _offered_keys(scope: Scope) -> Iterator[str]:
    headers = Headers(scope=scope)
    if key := headers.get("x-api-key"):
        yield key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip()
    if pair := _basic_pair(scope):
        yield pair.partition(":")[2]
    for name, value in parse_qsl(scope["query_string"].decode("latin-1")):
        if name == "key":
            yield value


def _basic_pair(scope: Scope) -> str:
    """The name and password of basic authentication, as NAME:PASSWORD; empty if there are none."""
    scheme, _, credentials = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(credentials, validate=True).decode()
    return ""


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
