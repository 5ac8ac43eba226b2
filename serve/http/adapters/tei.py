"""What Text Embeddings Inference (TEI) 1.9.3 answers for a text classifier; Discourse AI reads it.

Its contract is the OpenAPI file of that release. A text gets one probability per label, and
they sum to one: `machine` is the score, `human` the rest. A text that cannot be scored is wholly
`too_short` or `unsupported_language`. An error would be the other honest answer, but most posts
of a forum are short, Discourse gives up a whole run of old posts at the first answer that is not
200, and TEI fails a whole batch for one text. So a threshold on `machine` never flags such a
text, and nothing says that a human wrote it.

The kinds of machine text are no labels here: the likeliest of four could be `human` where the
three others together say machine.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from model.result import Result
from serve.http.bounds import refuse_many
from serve.http.errors import Kind, ServiceError
from serve.http.service import Service

PREFIX = "/tei"
LABELS = ("human", "machine", "too_short", "unsupported_language")
"""The labels in the order of their ids; as everywhere, 1 means machine."""

ErrorType: TypeAlias = Literal["Unhealthy", "Backend", "Overloaded", "Validation", "Empty"]

# The release whose contract this is: clients may tell from it what they can send.
_VERSION = "1.9.3"
_LEAST_PROBABILITY = 1e-12  # its logarithm stands for that of zero, which JSON cannot hold
_ERRORS: Mapping[Kind, tuple[int, ErrorType]] = {
    "invalid": (413, "Validation"),
    "unauthorized": (401, "Validation"),
    "not_found": (404, "Validation"),
    "wrong_method": (405, "Validation"),
    "too_large": (413, "Validation"),
    "too_many_requests": (429, "Overloaded"),
    "overloaded": (429, "Overloaded"),
    "internal": (424, "Backend"),
    "stopping": (503, "Unhealthy"),
    "deadline": (424, "Backend"),
}


class _EmptyBatch(ServiceError):
    """The one fault that TEI answers with 400."""


class ErrorResponse(BaseModel):
    """What every refusal says."""

    error: str
    error_type: ErrorType


def _texts_only(inputs: object) -> object:
    """Refuse what is no text or batch of texts, in one line instead of one per alternative.

    A list of one string is one text, as TEI reads it, though its document does not say so.
    """
    refuse_many(inputs)
    if isinstance(inputs, str):
        return inputs
    if isinstance(inputs, list) and _is_one_text(inputs):
        return inputs[0]
    if isinstance(inputs, list) and all(map(_is_one_text, inputs)):
        return inputs
    raise PydanticCustomError(
        "inputs",
        "neither a text nor a batch of texts, and pairs have no score; send a string, or "
        "[[string], [string], ...]",
    )


def _is_one_text(value: object) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)


OneText: TypeAlias = Annotated[list[str], Field(min_length=1, max_length=1)]


class Parameters(BaseModel):
    """What clients of the Hugging Face Inference API may ask for."""

    top_k: int | None = Field(None, ge=1, description="How many labels, the likeliest first.")
    function_to_apply: Literal["softmax", "none"] | None = Field(
        None, description="none is what raw_scores is."
    )


class PredictRequest(BaseModel):
    """The texts, and how their scores are wanted."""

    inputs: Annotated[str | list[OneText], BeforeValidator(_texts_only)] = Field(
        description="One text, or a batch of them, each in a list of its own."
    )
    raw_scores: bool = Field(False, description="Logarithms of the probabilities: their logits.")
    truncate: bool | None = Field(None, description="Accepted; no text is ever cut.")
    parameters: Parameters | None = Field(
        None, description="Marks the Inference API's shape, which answers one text with a batch."
    )


class Prediction(BaseModel):
    """A label and its probability, or the logarithm of it."""

    label: str
    score: float


Predictions: TypeAlias = list[Prediction] | list[list[Prediction]]


class ClassifierModel(BaseModel):
    """The labels by id, and back."""

    id2label: dict[str, str]
    label2id: dict[str, int]


class ModelType(BaseModel):
    """Says that the model is a classifier."""

    classifier: ClassifierModel


class Info(BaseModel):
    """The model and the limits, as far as TEI's words fit them."""

    model_id: str
    model_sha: str
    model_dtype: str
    served_model_name: str
    model_type: ModelType
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_batch_requests: int | None
    max_client_batch_size: int
    auto_truncate: bool
    tokenization_workers: int
    version: str
    sha: str | None
    docker_label: str | None


def error_body(error: ServiceError) -> dict[str, object]:
    """A refusal in TEI's words; its error types are written as its server does, capitalised."""
    error_type = "Empty" if isinstance(error, _EmptyBatch) else _ERRORS[error.kind][1]
    return {"error": str(error), "error_type": error_type}


def status(error: ServiceError) -> int:
    """TEI's status for a refusal: 413 for whatever is wrong with the texts."""
    return error.status if isinstance(error, _EmptyBatch) else _ERRORS[error.kind][0]


_REFUSALS: dict[int | str, dict[str, object]] = {
    code: {"model": ErrorResponse} for code in (400, 401, 413, 424, 429, 503)
}


def router(service: Service) -> APIRouter:
    """The routes, under the prefix and where TEI itself has them.

    TEI also answers at its root, where InferenceClient sends its requests; ours is the page's.
    """
    routes = APIRouter(tags=["Text Embeddings Inference"])

    @routes.post(PREFIX, response_model=Predictions, responses=_REFUSALS)
    @routes.post(PREFIX + "/", response_model=Predictions, include_in_schema=False)
    @routes.post(PREFIX + "/predict", response_model=Predictions, responses=_REFUSALS)
    @routes.post("/predict", response_model=Predictions, responses=_REFUSALS)
    async def predict(request: PredictRequest) -> Predictions:
        """Score one text or a batch of them."""
        return await _predict(service, request)

    info = _info(service)

    @routes.get(PREFIX + "/info")
    @routes.get("/info")
    async def get_info() -> Info:
        """The model, its labels and the limits."""
        return info

    @routes.get(PREFIX + "/health", response_class=Response)
    @routes.get("/health", response_class=Response)
    async def health() -> Response:
        """Nothing, with status 200."""
        return Response()

    @routes.get(PREFIX + "/metrics", status_code=307, response_class=RedirectResponse)
    async def metrics() -> RedirectResponse:
        """Points to the service's own metrics, wherever a proxy has put it."""
        return RedirectResponse("../metrics")

    return routes


async def _predict(service: Service, request: PredictRequest) -> Predictions:
    inputs = request.inputs
    texts = [inputs] if isinstance(inputs, str) else [text for (text,) in inputs]
    if not texts:
        raise _EmptyBatch("invalid", "inputs: the batch is empty; send at least one text", "inputs")
    parameters = request.parameters or Parameters()
    raw_scores = request.raw_scores or parameters.function_to_apply == "none"
    results = await service.queue.score_all([*enumerate(texts)])
    answers = [_predictions(result, raw_scores)[: parameters.top_k] for result in results]
    # InferenceClient takes the first list for its answer; of a flat one, as TEI has it, it would
    # take the first label for all of them.
    flat = isinstance(inputs, str) and request.parameters is None
    return answers[0] if flat else answers


def _predictions(result: Result, raw_scores: bool) -> list[Prediction]:
    """All labels, the likeliest first."""
    if result.score is None:
        scores: dict[str, float] = {result.verdict: 1.0}
    else:
        scores = {"human": 1.0 - result.score, "machine": result.score}
    probabilities = {label: scores.get(label, 0.0) for label in LABELS}
    if raw_scores:
        probabilities = {
            label: math.log(max(value, _LEAST_PROBABILITY))
            for label, value in probabilities.items()
        }
    ranked = sorted(probabilities.items(), key=lambda item: item[1], reverse=True)
    return [Prediction(label=label, score=score) for label, score in ranked]


def _info(service: Service) -> Info:
    settings, model = service.settings, service.scorer.model
    labels = {str(index): label for index, label in enumerate(LABELS)}
    return Info(
        model_id=model.name,
        model_sha=model.sha256,
        model_dtype="int8" if settings.device == "cpu" else "float16",
        served_model_name=f"{model.name}-{model.version}",
        model_type=ModelType(
            classifier=ClassifierModel(
                id2label=labels, label2id={label: int(index) for index, label in labels.items()}
            )
        ),
        max_concurrent_requests=settings.queue_texts,
        # In tokens. A text has at most about as many as characters, whose number is what is
        # limited: a client that cuts by this figure cuts nothing that would be scored.
        max_input_length=settings.text_characters,
        max_batch_tokens=settings.batch_tokens,
        max_batch_requests=None,
        max_client_batch_size=settings.request_texts,
        auto_truncate=False,
        tokenization_workers=settings.threads or os.cpu_count() or 1,
        version=_VERSION,
        sha=None,
        docker_label=None,
    )
