"""Google's Perspective API, for those who must leave it: the service closes at the end of 2026.

A client changes its address, its key and the names of the attributes: `MACHINE_WRITTEN` is the
score, and the others are kinds of it. Spans are the passages, where a client asks for span
annotations of `MACHINE_WRITTEN`, and the whole text else. Their offsets count UTF-16 code
units, as the API's discovery document has it; those of all other shapes count characters.

Clients are built from that document, so one is served here as well: naming it to a client
instead of Google's is all that its address needs. Everything is also found at the root.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from model.labels import MACHINE_LABELS
from model.result import Result
from serve.http.bounds import Bounded, BoundedMap
from serve.http.errors import Kind, ServiceError
from serve.http.service import Service
from serve.render import printable

PREFIX = "/perspective"
MACHINE_WRITTEN = "MACHINE_WRITTEN"
ATTRIBUTES = (MACHINE_WRITTEN, *(f"MACHINE_{label.upper()}" for label in MACHINE_LABELS))

_DISCOVERY = "/$discovery/rest"
_STATUS: Mapping[Kind, str] = {
    "invalid": "INVALID_ARGUMENT",
    "unauthorized": "UNAUTHENTICATED",
    "not_found": "NOT_FOUND",
    "wrong_method": "UNIMPLEMENTED",
    "too_large": "INVALID_ARGUMENT",
    "too_many_requests": "RESOURCE_EXHAUSTED",
    "overloaded": "RESOURCE_EXHAUSTED",
    "internal": "INTERNAL",
    "stopping": "UNAVAILABLE",
    "deadline": "DEADLINE_EXCEEDED",
}

ErrorType: TypeAlias = Literal[
    "COMMENT_EMPTY",
    "COMMENT_TOO_LONG",
    "COMMENT_TOO_SHORT",  # ours; the API scored texts of any length
    "NO_REQUESTED_ATTRIBUTES",
    "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
    "INVALID_REQUEST",
]


Language: TypeAlias = Annotated[str, Field(max_length=100)]


class _AnalysisError(ServiceError):
    """A refusal with the API's own name for it, by which its clients tell them apart."""

    def __init__(self, error_type: ErrorType, message: str, where: str, **details: object) -> None:
        super().__init__("invalid", message, where)
        self.details = {"errorType": error_type, **details}


class TextEntry(BaseModel):
    """A text; HTML was never supported."""

    text: str = ""
    type: Literal["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT"] | None = None


class AttributeParameters(BaseModel):
    """How an attribute's scores are wanted; scores below the threshold are left out."""

    scoreType: Literal["SCORE_TYPE_UNSPECIFIED", "PROBABILITY"] | None = None
    scoreThreshold: float | None = None


class AnalyzeCommentRequest(BaseModel):
    """A text and what to say of it. Texts are never stored, whatever `doNotStore` says."""

    comment: TextEntry
    requestedAttributes: BoundedMap[AttributeParameters] = Field(
        default_factory=dict, description=f"Any of {', '.join(ATTRIBUTES)}"
    )
    languages: Bounded[Language] = Field(
        default_factory=list, description="Refused unless English is among them; empty: detected"
    )
    spanAnnotations: bool | None = Field(None, description="Passages instead of the whole text")
    dropUnsupportedAttributes: bool | None = Field(
        None, description="Answer a text in another language with no scores, not with an error"
    )
    doNotStore: bool | None = None
    clientToken: str | None = Field(None, description="Comes back with the answer")


class Score(BaseModel):
    """A probability."""

    value: float
    type: Literal["PROBABILITY"] = "PROBABILITY"


class SpanScore(BaseModel):
    """The score of a part of the text, [begin, end) in UTF-16 code units."""

    begin: int
    end: int
    score: Score


class AttributeScores(BaseModel):
    """What is left of an attribute's scores by its threshold."""

    spanScores: list[SpanScore]
    summaryScore: Score | None = None


class AnalyzeCommentResponse(BaseModel):
    """The scores by attribute."""

    attributeScores: dict[str, AttributeScores]
    languages: list[str]
    detectedLanguages: list[str]
    clientToken: str | None = None


class SuggestedScore(BaseModel):
    """A moderator's verdict as a number; 0.5 or more says machine."""

    value: Annotated[float, Field(ge=0, le=1)]


class SuggestedScores(BaseModel):
    """A moderator's verdict on a text."""

    summaryScore: SuggestedScore


class SuggestCommentScoreRequest(BaseModel):
    """A moderator's verdict; only the one on MACHINE_WRITTEN teaches anything."""

    comment: TextEntry
    attributeScores: BoundedMap[SuggestedScores]
    languages: Bounded[Language] = Field(default_factory=list)
    communityId: str | None = Field(None, description="Kept as the verdict's source")
    clientToken: str | None = Field(
        None, description="Comes back with the answer; kept, so that verdicts on a text meet"
    )


class SuggestCommentScoreResponse(BaseModel):
    """Says that the verdict was kept."""

    requestedLanguages: list[str]
    detectedLanguages: list[str]
    clientToken: str | None = None


class ErrorDetail(BaseModel):
    """What Google's clients make their exceptions of."""

    code: int
    message: str
    status: str
    details: list[dict[str, object]] = Field(default_factory=list)


class ErrorResponse(BaseModel):
    """What every refusal says."""

    error: ErrorDetail


def error_body(error: ServiceError) -> dict[str, object]:
    """A refusal in Google's words, with the API's own `errorType` where the text is at fault."""
    if isinstance(error, _AnalysisError):
        about = error.details
    else:
        about = {"errorType": "INVALID_REQUEST"} if error.kind == "invalid" else {}
    named = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
    detail = ErrorDetail(
        code=error.status,
        message=str(error),
        status=_STATUS[error.kind],
        details=[{"@type": named, **about}] if about else [],
    )
    return ErrorResponse(error=detail).model_dump()


_REFUSALS: dict[int | str, dict[str, object]] = {
    code: {"model": ErrorResponse} for code in (400, 401, 404, 413, 429, 500, 503, 504)
}


def router(service: Service) -> APIRouter:
    """The routes, under the prefix and where Google itself has them."""
    routes = APIRouter(tags=["Perspective"], responses=_REFUSALS)

    @routes.post(PREFIX + "/v1alpha1/comments:analyze", response_model_exclude_none=True)
    @routes.post("/v1alpha1/comments:analyze", response_model_exclude_none=True)
    async def analyze(request: AnalyzeCommentRequest) -> AnalyzeCommentResponse:
        """Score one text."""
        return await _analyze(service, request)

    @routes.post(PREFIX + "/v1alpha1/comments:suggestscore", response_model_exclude_none=True)
    @routes.post("/v1alpha1/comments:suggestscore", response_model_exclude_none=True)
    def suggest_score(request: SuggestCommentScoreRequest) -> SuggestCommentScoreResponse:
        """Keep a moderator's verdict, where the service keeps any; 404 where it does not."""
        return _suggest_score(service, request)

    @routes.get(PREFIX + _DISCOVERY)
    @routes.get(_DISCOVERY)
    def discover(request: Request) -> dict[str, object]:
        """What Google's clients build themselves from."""
        return _discovery(str(request.base_url).rstrip("/") + PREFIX + "/")

    return routes


async def _analyze(service: Service, request: AnalyzeCommentRequest) -> AnalyzeCommentResponse:
    _check_attributes("requestedAttributes", request.requestedAttributes)
    _check_comment(service, request.comment.text)
    result = await _score(service, request) if _may_be_english(request.languages) else None
    if result is not None and result.score is not None:
        scores = _attribute_scores(request, result)
    elif request.dropUnsupportedAttributes:
        scores = {}
    else:
        raise _unsupported_language(request, result)
    return AnalyzeCommentResponse(
        attributeScores=scores,
        languages=request.languages,
        detectedLanguages=_detected(result),
        clientToken=request.clientToken,
    )


async def _score(service: Service, request: AnalyzeCommentRequest) -> Result:
    texts = [(0, request.comment.text)]
    [outcome] = await service.queue.score_all(texts, explain=bool(request.spanAnnotations))
    if outcome.verdict == "too_short":
        raise _AnalysisError(
            "COMMENT_TOO_SHORT", f"Comment is too short: {outcome.reason}", "comment.text"
        )
    return outcome


def _check_attributes(where: str, names: Mapping[str, object]) -> None:
    known = ", ".join(ATTRIBUTES)
    if not names:
        raise _AnalysisError(
            "NO_REQUESTED_ATTRIBUTES", f"Missing {where}; name one of {known}", where
        )
    for name in names:
        if name not in ATTRIBUTES:
            raise _AnalysisError(
                "INVALID_REQUEST",
                f"Unknown requested attribute: {printable(name[:100])}; name one of {known}",
                where,
            )


def _check_comment(service: Service, text: str) -> None:
    problem = service.queue.problem(text)
    if problem is None:
        return
    if problem.kind == "too_large":
        raise _AnalysisError("COMMENT_TOO_LONG", f"Comment text too long: {problem}", "comment")
    raise _AnalysisError("COMMENT_EMPTY", f"Comment must be non-empty: {problem}", "comment")


def _may_be_english(languages: list[str]) -> bool:
    return not languages or any(re.match(r"en\b", name, re.IGNORECASE) for name in languages)


def _detected(result: Result | None) -> list[str]:
    return [result.language] if result is not None and result.language else []


def _unsupported_language(request: AnalyzeCommentRequest, result: Result | None) -> _AnalysisError:
    attribute, *_ = request.requestedAttributes
    languages = {
        "requestedLanguages": request.languages,
        "detectedLanguages": _detected(result),
    }
    named = printable(", ".join(languages["detectedLanguages"] or request.languages[:10]))
    return _AnalysisError(
        "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        f"Attribute {attribute} does not support request languages: {named}; only English (en)",
        "languages",
        languageNotSupportedByAttributeError={
            "attribute": attribute,
            **{name: found for name, found in languages.items() if found},
        },
    )


def _attribute_scores(request: AnalyzeCommentRequest, result: Result) -> dict[str, AttributeScores]:
    """The scores that are wanted; an attribute of which none reaches its threshold is left out."""
    text = request.comment.text
    units = _utf16_offsets(text)
    values = {MACHINE_WRITTEN: result.score or 0.0}
    values |= {f"MACHINE_{kind.upper()}": value for kind, value in (result.kinds or {}).items()}
    found = {}
    for name, parameters in request.requestedAttributes.items():
        least = parameters.scoreThreshold or 0.0
        spans = [(0, len(text), values[name])]
        if name == MACHINE_WRITTEN and request.spanAnnotations:
            spans = [(passage.start, passage.end, passage.score) for passage in result.passages]
        scores = AttributeScores(
            spanScores=[
                SpanScore(begin=units(start), end=units(end), score=Score(value=value))
                for start, end, value in spans
                if value >= least
            ],
            summaryScore=Score(value=values[name]) if values[name] >= least else None,
        )
        if scores.spanScores or scores.summaryScore:
            found[name] = scores
    return found


def _utf16_offsets(text: str) -> Callable[[int], int]:
    """From an offset in characters to the one in UTF-16 code units."""
    pairs = [place for place, character in enumerate(text) if character > "\uffff"]
    return lambda offset: offset + bisect_left(pairs, offset)


def _suggest_score(
    service: Service, request: SuggestCommentScoreRequest
) -> SuggestCommentScoreResponse:
    _check_attributes("attributeScores", request.attributeScores)
    _check_comment(service, request.comment.text)
    if MACHINE_WRITTEN not in request.attributeScores:
        raise _AnalysisError(
            "INVALID_REQUEST",
            f"attributeScores lacks {MACHINE_WRITTEN}, the one attribute that is learned from",
            "attributeScores",
        )
    kept = service.feedback.append(
        request.comment.text,
        machine=request.attributeScores[MACHINE_WRITTEN].summaryScore.value >= 0.5,
        source=request.communityId or "perspective",
        story=request.clientToken,
    )
    if not kept:
        raise ServiceError(
            "not_found", "verdicts are not kept here; start the service with --feedback FILE"
        )
    return SuggestCommentScoreResponse(
        requestedLanguages=request.languages,
        detectedLanguages=[],
        clientToken=request.clientToken,
    )


def _discovery(address: str) -> dict[str, object]:
    """A Google API discovery document (v1) for the API at an address that ends in a slash."""
    messages = {
        model.__name__: model
        for model in (
            AnalyzeCommentRequest,
            AnalyzeCommentResponse,
            SuggestCommentScoreRequest,
            SuggestCommentScoreResponse,
        )
    }
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "commentanalyzer:v1alpha1",
        "name": "commentanalyzer",
        "version": "v1alpha1",
        "title": "Respun in the shape of the Perspective Comment Analyzer API",
        "protocol": "rest",
        "rootUrl": address,
        "servicePath": "",
        "baseUrl": address,
        "batchPath": "batch",
        "parameters": {"key": {"type": "string", "location": "query"}},
        # The shapes in full are in the OpenAPI document; here clients need no more than names.
        "schemas": {
            name: {
                "id": name,
                "type": "object",
                "properties": {field: {"type": "any"} for field in model.model_fields},
            }
            for name, model in messages.items()
        },
        "resources": {
            "comments": {
                "methods": {
                    "analyze": _method("analyze", "AnalyzeComment"),
                    "suggestscore": _method("suggestscore", "SuggestCommentScore"),
                }
            }
        },
    }


def _method(name: str, messages: str) -> dict[str, object]:
    path = f"v1alpha1/comments:{name}"
    return {
        "id": f"commentanalyzer.comments.{name}",
        "path": path,
        "flatPath": path,
        "httpMethod": "POST",
        "parameters": {},
        "parameterOrder": [],
        "request": {"$ref": f"{messages}Request"},
        "response": {"$ref": f"{messages}Response"},
    }
