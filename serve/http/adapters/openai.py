"""OpenAI's moderation endpoint, for whoever has its client built in already.

A result holds our categories (`machine_written`, whose score is the score, and the three kinds)
beside OpenAI's own, which its typed clients insist on; those are never judged here, and say so:
false, 0, and applied to nothing. A text that gets no score is treated alike in all categories:
not flagged, applied to nothing. `respun` beside them says why; the clients keep fields that
they do not know.

Also served at the root, so that a base URL may end in /v1 as OpenAI's own does.
"""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from model.labels import MACHINE_LABELS
from model.result import Result, TextId
from serve.http.bounds import refuse_many
from serve.http.errors import ServiceError
from serve.http.service import Service

PREFIX = "/openai"
CLIENT_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""What OpenAI's clients expect to find; none of it is judged here."""


class TextPart(BaseModel):
    """A piece of the one text that a list of parts stands for."""

    type: Literal["text"]
    text: str


def _texts_only(value: object) -> object:
    """Refuse what is no text, in one line instead of one per alternative."""
    refuse_many(value)
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else [None]
    if all(isinstance(part, str) for part in parts):
        return value
    if any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts):
        raise PydanticCustomError("input", "holds an image, and only text can be scored; omit it")
    if all(_is_text_part(part) for part in parts):
        return value
    raise PydanticCustomError(
        "input", 'neither text nor texts; send a string, [string, ...] or [{"type": "text", ...}]'
    )


def _is_text_part(part: object) -> bool:
    return (
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
    )


class ModerationRequest(BaseModel):
    """One text, several, or the parts of one."""

    input: Annotated[str | list[str] | list[TextPart], BeforeValidator(_texts_only)]
    model: str | None = Field(None, description="Accepted; the answer names what scored.")


class Explanation(BaseModel):
    """What OpenAI's fields have no place for; fields as in the service's own results."""

    verdict: str
    score: float | None
    p_human: float | None
    reason: str | None


class Moderation(BaseModel):
    """One text's categories, by name."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text"]]]
    respun: Explanation


class ModerationResponse(BaseModel):
    """One result per text, in order."""

    id: str
    model: str
    results: list[Moderation]


class ErrorDetail(BaseModel):
    """What OpenAI's clients make their exceptions of."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(BaseModel):
    """What every refusal says."""

    error: ErrorDetail


def error_body(error: ServiceError) -> dict[str, object]:
    """A refusal in OpenAI's words."""
    if error.status == 429:
        kind, code = "requests", "rate_limit_exceeded"
    else:
        kind = "invalid_request_error" if error.status < 500 else "server_error"
        code = "invalid_api_key" if error.kind == "unauthorized" else error.kind
    # The queue counts the texts that it was given; here they are the input's.
    param = error.where and re.sub(r"^texts\b", "input", error.where)
    detail = ErrorDetail(message=str(error), type=kind, param=param, code=code)
    return ErrorResponse(error=detail).model_dump()


_REFUSALS: dict[int | str, dict[str, object]] = {
    code: {"model": ErrorResponse} for code in (400, 401, 413, 429, 500, 503, 504)
}


def router(service: Service) -> APIRouter:
    """The one route, under the prefix and where OpenAI itself has it."""
    routes = APIRouter(tags=["OpenAI moderations"])

    @routes.post(PREFIX + "/v1/moderations", responses=_REFUSALS)
    @routes.post("/v1/moderations", responses=_REFUSALS)
    async def create_moderation(request: ModerationRequest) -> ModerationResponse:
        """Score one text or several; flagged means that the verdict is machine."""
        model, texts = service.scorer.model, _texts(request)
        return ModerationResponse(
            id=f"modr-{uuid.uuid4().hex}",
            model=f"{model.name}-{model.version}",
            results=[_moderation(result) for result in await service.queue.score_all(texts)],
        )

    return routes


def _texts(request: ModerationRequest) -> list[tuple[TextId, str]]:
    if isinstance(request.input, str):
        return [(0, request.input)]
    if not request.input:
        raise ServiceError("invalid", "input: no text; send at least one", "input")
    # OpenAI judges the parts of a list together, and answers them with one result.
    parts = [part.text for part in request.input if isinstance(part, TextPart)]
    if parts:
        return [(0, "\n\n".join(parts))]
    return [(place, text) for place, text in enumerate(request.input) if isinstance(text, str)]


def _moderation(result: Result) -> Moderation:
    kinds = result.kinds or dict.fromkeys(MACHINE_LABELS, 0.0)
    scores = dict.fromkeys(CLIENT_CATEGORIES, 0.0)
    scores["machine_written"] = result.score or 0.0
    scores |= {f"machine_{label}": kinds[label] for label in MACHINE_LABELS}
    categories = dict.fromkeys(scores, False)
    if result.verdict == "machine":
        likeliest = max(MACHINE_LABELS, key=lambda label: kinds[label])
        categories |= {"machine_written": True, f"machine_{likeliest}": True}
    judged = result.score is not None
    return Moderation(
        flagged=result.verdict == "machine",
        categories=categories,
        category_scores=scores,
        category_applied_input_types={
            name: ["text"] if judged and name not in CLIENT_CATEGORIES else [] for name in scores
        },
        respun=Explanation(
            verdict=result.verdict,
            score=result.score,
            p_human=result.p_human,
            reason=result.reason,
        ),
    )
