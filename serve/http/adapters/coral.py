"""Coral's external moderation phase: a comment comes in signed, and goes out held back or not.

Coral skips a phase that fails or is late, so whatever keeps a comment from being scored is
answered like a comment that needs nothing, with 204, in time; it is counted under
`respun_rejected`. Most comments get that answer anyway: they are too short to be scored.

Coral knows no reason that means "a machine wrote this", so a comment is not flagged: it gets the
status that `coral_status` sets, by default PREMOD, which queues it for a moderator.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from serve.http.answers import PlainRefusal, plain_refusal
from serve.http.errors import ServiceError
from serve.http.service import Service

PREFIX = "/coral"
SIGNATURE_HEADER = "X-Coral-Signature"
NO_SECRET = (
    "no signing secret is set; give the service the phase's, as in RESPUN_HTTP_CORAL_SECRETS=SECRET"
)
"""What `security` answers, before it reads anything, where this shape cannot be used."""

_TAG = re.compile(r"</?+([a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>")
_BLOCKS = frozenset(
    ("blockquote", "br", "div", "li", "ol", "p", "ul")
)  # as Coral's editor has them


class Comment(BaseModel):
    """A comment; its body is HTML unless the phase is set up to send plain text."""

    body: str


class ModerationRequest(BaseModel):
    """What is read of a request; Coral also tells of author, story, site and tenant."""

    action: Literal["NEW", "EDIT"]
    comment: Comment


class ModerationResponse(BaseModel):
    """What is to become of the comment."""

    status: str


error_body = plain_refusal
"""Coral has no shape for a refusal; it logs the status and goes on."""


def router(service: Service) -> APIRouter:
    """The one route."""
    refusals: dict[int | str, dict[str, object]] = {
        code: {"model": PlainRefusal} for code in (400, 401, 404, 413, 429, 500)
    }
    routes = APIRouter(tags=["Coral"], route_class=_signed_by(service.settings.coral_secrets))

    @routes.post(
        PREFIX,
        response_model=ModerationResponse,
        responses={204: {"description": "Leave the comment alone"}, **refusals},
    )
    async def moderate(
        request: ModerationRequest,
        signature: Annotated[  # checked before it comes here; named for the OpenAPI document
            str, Header(alias=SIGNATURE_HEADER, description="sha256=HEX of the body, per secret")
        ],
    ) -> Response:
        """Hold back a comment that a machine wrote; the request must be signed."""
        return await _moderate(service, request)

    return routes


def _signed_by(secrets: Sequence[str]) -> type[APIRoute]:
    """A route that checks the signature of the body as it came, before anything parses it."""

    class SignedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def check_and_handle(request: Request) -> Response:
                given = request.headers.get(SIGNATURE_HEADER, "")
                _check_signature(secrets, await request.body(), given)
                return await handle(request)

            return check_and_handle

    return SignedRoute


def _check_signature(secrets: Sequence[str], body: bytes, header: str) -> None:
    """Raise unless one of the secrets signed the body; while they rotate there are several."""
    given = [
        digest.strip().encode("latin-1")
        for scheme, _, digest in (part.strip().partition("=") for part in header.split(","))
        if scheme == "sha256"
    ]
    expected = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    # All are compared, whichever matches.
    matches = [hmac.compare_digest(own.encode(), one) for own in expected for one in given]
    if not any(matches):
        raise ServiceError(
            "unauthorized",
            f"{SIGNATURE_HEADER}: no secret of this service made it; "
            "set the same signing secret in Coral and here",
        )


async def _moderate(service: Service, request: ModerationRequest) -> Response:
    settings = service.settings
    try:
        [result] = await service.queue.score_all(
            [(0, html_to_text(request.comment.body))], deadline_s=settings.coral_deadline_s
        )
    except ServiceError as error:
        service.metrics.rejected(error.kind)
        return Response(status_code=204)
    if result.verdict != "machine":
        return Response(status_code=204)
    return JSONResponse({"status": settings.coral_status})


def html_to_text(html: str) -> str:
    """The text between the tags, blocks on lines of their own; linear in its length.

    Coral has cleaned the HTML already. Entities stay: normalisation undoes them, but of tags
    only those that it is sure of, and Coral's editor has others.
    """
    return _TAG.sub(lambda tag: "\n" if tag[1].lower() in _BLOCKS else "", html).strip()
