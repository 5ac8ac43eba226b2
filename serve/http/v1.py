"""Respun's own shape, `/v1`, and what those who run the service ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictInt, StrictStr

from model.labels import LABELS
from model.result import Result, Verdict
from serve.http.answers import JsonAnswer
from serve.http.bounds import Bounded
from serve.http.errors import Kind, ServiceError
from serve.http.metrics import CONTENT_TYPE
from serve.http.service import Service

VERSION = "1"
"""The version of this interface; it moves when an answer changes its meaning."""


class NamedText(BaseModel):
    """A text with the caller's name for it."""

    id: StrictStr | StrictInt
    text: str


class ScoreRequest(BaseModel):
    """Texts to score; one without an id is named by its place, "0", "1", ..."""

    texts: Bounded[str | NamedText] = Field(description="The articles.")
    explain: bool = Field(False, description="Whether results hold their passages.")
    threshold: Annotated[str, Field(max_length=40)] | float | None = Field(
        None,
        description="fpr-5pct, fpr-1pct, fpr-0.1pct or a score from 0 to 1; "
        "by default what the service was started with.",
    )


class ErrorFacts(BaseModel):
    """What went wrong, in one line, and which field of the request is at fault."""

    kind: Kind
    message: str
    where: str | None = None


class ErrorAnswer(BaseModel):
    """The answer to a request that failed."""

    error: ErrorFacts


class Offsets(BaseModel):
    """Characters [start, end) of the text as it was sent."""

    start: int
    end: int


class ScoredPassage(Offsets):
    """A sentence and its score."""

    score: float


class FoundSignal(BaseModel):
    """A sign that stands beside the score, and the shares of articles that show it."""

    name: str
    explanation: str
    human_share: float | None
    machine_share: float | None
    count: int
    offsets: list[Offsets]


class AppliedThreshold(BaseModel):
    """The policy, the score from which this text is flagged, and a passage is marked."""

    policy: str
    value: float
    passages: float


class ModelFacts(BaseModel):
    """The weights; sha256 is that of `onnx/model_quantized.onnx_data`."""

    name: str
    version: str
    sha256: str


class ScoredText(BaseModel):
    """A result: the object that `respun --json` prints."""

    id: str | int
    score: float | None
    verdict: Verdict
    p_human: float | None
    kinds: dict[str, float] | None
    machine_share: float | None
    passages: list[ScoredPassage]
    signals: list[FoundSignal]
    words: int
    tokens: int
    windows: int
    language: str | None
    threshold: AppliedThreshold
    model: ModelFacts
    reason: str | None


class FailedText(BaseModel):
    """A text that could not be scored; its neighbours were."""

    id: str | int
    error: ErrorFacts


class ScoreAnswer(BaseModel):
    """One result per text, in order."""

    results: list[ScoredText | FailedText]


class Promise(BaseModel):
    """A threshold policy: its score over all lengths, and the human articles it was drawn from.

    `flagged` of `humans` reach it; `interval` bounds that rate at 95% confidence.
    """

    value: float
    humans: int
    flagged: int
    interval: tuple[float, float]


class Measured(BaseModel):
    """What was measured on texts that nothing was trained on, at the threshold for 1%."""

    split: str
    human: int
    machine: int
    auroc: float
    found: float
    false_alarms: float


class ModelAnswer(ModelFacts):
    """What the weights are and what was promised of them."""

    labels: list[str]
    threshold: AppliedThreshold = Field(description="Used where a request names none.")
    thresholds: dict[str, Promise]
    minimum_words: int
    window: int = Field(description="The most tokens that are read at once.")
    data_digest: str | None = Field(description="Of the data that the weights were trained on.")
    measured: Measured | None


class Status(BaseModel):
    """That the service runs."""

    status: Literal["ok"]


_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorAnswer, "description": "Refused"},
    "5XX": {"model": ErrorAnswer, "description": "Failed"},
}


def error_body(error: ServiceError) -> dict[str, object]:
    """An error as `/v1` words it."""
    facts: dict[str, object] = {"kind": error.kind, "message": str(error)}
    if error.where is not None:
        facts["where"] = error.where
    return {"error": facts}


def router(service: Service) -> APIRouter:
    """The routes of this shape, and of operation."""
    routes = APIRouter(responses=_REFUSALS)
    facts = _model_facts(service)

    @routes.post("/v1/score", response_model=ScoreAnswer, tags=["Respun"])
    async def score(request: ScoreRequest) -> Response:
        """Score articles: how likely did a machine write or rewrite each?"""
        texts = [
            (str(place), text) if isinstance(text, str) else (text.id, text.text)
            for place, text in enumerate(request.texts)
        ]
        outcomes = await service.queue.score(
            texts, explain=request.explain, threshold=request.threshold
        )
        results = [
            outcome.to_dict()
            if isinstance(outcome, Result)
            else {"id": name, **error_body(outcome)}
            for (name, _), outcome in zip(texts, outcomes, strict=True)
        ]
        return JsonAnswer({"results": results})

    @routes.get("/v1/model", response_model=ModelAnswer, tags=["Respun"])
    async def model() -> Response:
        """What the weights are, where the thresholds lie, how good they are."""
        return JsonAnswer(facts)

    @routes.get("/healthz", response_model=Status, tags=["Operation"])
    async def healthz() -> Response:
        """The process answers."""
        return JsonAnswer({"status": "ok"})

    @routes.get("/readyz", response_model=Status, tags=["Operation"])
    async def readyz() -> Response:
        """The weights are loaded, and texts are taken; until then the port does not answer."""
        return JsonAnswer({"status": "ok"})

    @routes.get("/metrics", response_class=Response, tags=["Operation"])
    def metrics() -> Response:
        """Counters for Prometheus, in its text format."""
        return Response(service.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    return routes


def _model_facts(service: Service) -> dict[str, Any]:
    scorer, manifest = service.scorer, service.scorer.manifest
    return ModelAnswer(
        name=scorer.model.name,
        version=scorer.model.version,
        sha256=scorer.model.sha256,
        labels=list(LABELS),
        threshold=AppliedThreshold(
            policy=scorer.threshold.policy,
            value=scorer.threshold.value,
            passages=scorer.threshold.passages,
        ),
        thresholds={
            policy: Promise(
                value=line.value, humans=line.humans, flagged=line.flagged, interval=line.interval
            )
            for policy, line in manifest.thresholds.items()
        },
        minimum_words=manifest.minimum_words,
        window=manifest.max_tokens,
        data_digest=manifest.training.get("data_digest"),
        measured=_measured(manifest.measured),
    ).model_dump(mode="json")


def _measured(measured: Mapping[str, Any]) -> Measured | None:
    """The test split's first line in brief; None where a bundle was not measured on it."""
    rows = measured.get("test", {}).get("rows", [])
    row = next((row for row in rows if (row["kind"], row["name"]) == ("overall", "all")), None)
    if row is None:
        return None
    cell = row["cells"]["encoder"]
    return Measured(
        split="test",
        human=row["human"],
        machine=row["machine"],
        auroc=cell["auroc"]["value"],
        found=cell["tpr"]["fpr-1pct"]["value"],
        false_alarms=cell["fpr"]["fpr-1pct"]["value"],
    )
