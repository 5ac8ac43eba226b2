"""Label Studio's ML backend: articles come with the machine's answer already filled in.

A project's labelling configuration says what may be answered, so the names of its controls and
labels are read from there: choices and labels are matched by name (`Machine`, `AI-generated`,
`Human-written`, `Spun`, ...), a number gets the score. What has no name that is known here is
left to the annotator, and so is a text without a score.

Annotations that come to the webhook are kept for retraining, where the service keeps any;
training itself is for the command line. Nothing is ever fetched from Label Studio, so the
access token that it offers is not looked at.

The configuration is read with the standard library: Label Studio's own reader comes in a
package that needs OpenCV, pandas and some twenty more.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias
from xml.etree import ElementTree

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from model.labels import HUMAN, MACHINE_LABELS
from model.result import Result
from serve.http.answers import PlainRefusal, plain_refusal
from serve.http.bounds import Bounded
from serve.http.errors import ServiceError
from serve.http.service import Service
from serve.http.settings import Settings
from serve.render import printable

PREFIX = "/label-studio"
KEPT_EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED")
TRAINING_EVENTS = (*KEPT_EVENTS, "ANNOTATION_DELETED", "START_TRAINING")
"""What an ML backend answers with 201; all other events are unknown to it."""

_MACHINE, _UNCERTAIN = "machine", "uncertain"
_NAMES: Mapping[str, str] = {
    "machine": _MACHINE,
    "machinemade": _MACHINE,
    "machinewritten": _MACHINE,
    "machinegenerated": _MACHINE,
    "ai": _MACHINE,
    "aiwritten": _MACHINE,
    "aigenerated": _MACHINE,
    "human": HUMAN,
    "humanmade": HUMAN,
    "humanwritten": HUMAN,
    "uncertain": _UNCERTAIN,
    "unsure": _UNCERTAIN,
    **{label: label for label in MACHINE_LABELS},
}
"""Names of choices and labels, in small letters and without anything else, to ours."""

ControlType: TypeAlias = Literal["choices", "labels", "number"]
_CONTROLS: Mapping[str, ControlType] = {
    "Choices": "choices",
    "Labels": "labels",
    "Number": "number",
}
_NESTED = {"Choice": "choices", "Label": "labels"}
_MOST_CONTROLS = 100  # each is answered for every task

Configuration: TypeAlias = Annotated[str, Field(max_length=100_000)]


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a labelling configuration that can be filled in here.

    `field` is the task's field that holds the text; `names` are the configuration's values for
    our labels, by ours.
    """

    from_name: str
    to_name: str
    type: ControlType
    field: str
    names: dict[str, str]

    @property
    def usable(self) -> bool:
        """Whether there is anything that it could be filled in with."""
        if self.type == "labels":
            return _MACHINE in self.names
        return self.type == "number" or bool(self.names)


class Task(BaseModel):
    """What is to be labelled; `data` is the imported record."""

    id: int | str | None = None
    data: dict[str, Any]


class PredictRequest(BaseModel):
    """Tasks, and the configuration of their project."""

    tasks: Bounded[Task]
    label_config: Configuration


class Region(BaseModel):
    """One answer: a choice, a number, or a labelled span in characters of the text."""

    from_name: str
    to_name: str
    type: ControlType
    value: dict[str, Any]
    score: float | None = Field(None, description="How likely this very answer is right")


class Prediction(BaseModel):
    """The answers for one task; none where its text gets no score."""

    model_version: str
    score: float | None
    result: list[Region]


class PredictResponse(BaseModel):
    """One prediction per task, in order."""

    results: list[Prediction]


class SetupRequest(BaseModel):
    """What Label Studio says of a project when it connects."""

    project: str | None = None
    schema_: Configuration = Field(alias="schema", description="The labelling configuration")


class SetupResponse(BaseModel):
    """What is written beside the predictions."""

    model_version: str


class Health(BaseModel):
    """Says that the backend is there."""

    status: Literal["UP"] = "UP"
    model_class: Literal["Respun"] = "Respun"


class Project(BaseModel):
    """The project of an event."""

    id: int | str | None = None
    label_config: Configuration = ""


class AnnotationItem(BaseModel):
    """One answer of an annotator."""

    from_name: str | None = None
    value: Any = None


class Annotation(BaseModel):
    """An annotator's answers."""

    result: Bounded[AnnotationItem] = Field(default_factory=list)
    was_cancelled: bool | None = None


class WebhookRequest(BaseModel):
    """An event; those of annotations hold the annotation and its task."""

    action: str
    project: Project | None = None
    task: Task | None = None
    annotation: Annotation | None = None


class WebhookResponse(BaseModel):
    """What became of an event."""

    status: Literal["kept", "not kept", "Unknown event"]


error_body = plain_refusal
"""Label Studio shows the status and logs the rest."""

_REFUSALS: dict[int | str, dict[str, object]] = {
    code: {"model": PlainRefusal} for code in (400, 401, 413, 429, 500, 503, 504)
}
_basic = HTTPBasic(auto_error=False)


def pair(settings: Settings) -> str | None:
    """The name and password that Label Studio sends, as NAME:PASSWORD; None where none are set."""
    user, password = settings.label_studio_user, settings.label_studio_password
    return None if user is None or password is None else f"{user}:{password}"


def router(service: Service) -> APIRouter:
    """The routes, behind a user's name and password where both are set."""
    expected, model = pair(service.settings), service.scorer.model
    version = f"{model.name}-{model.version}"

    def check_user(given: Annotated[HTTPBasicCredentials | None, Depends(_basic)]) -> None:
        if expected is None:
            return
        offered = f"{given.username}:{given.password}" if given else ""
        if not hmac.compare_digest(offered.encode(), expected.encode()):
            raise ServiceError(
                "unauthorized",
                "wrong user or password; enter those of this service in Label Studio, under the "
                "model's basic authentication",
            )

    routes = APIRouter(
        prefix=PREFIX,
        tags=["Label Studio"],
        responses=_REFUSALS,
        dependencies=[Depends(check_user)],
    )

    @routes.get("/health")
    @routes.get("/")
    def health() -> Health:
        """Say that the backend is there."""
        return Health()

    @routes.post("/setup")
    def setup(request: SetupRequest) -> SetupResponse:
        """Check that something in the project can be filled in."""
        read_controls(request.schema_)
        return SetupResponse(model_version=version)

    @routes.post("/predict", response_model_exclude_none=True)
    async def predict(request: PredictRequest) -> PredictResponse:
        """Fill in what the project's configuration asks for."""
        controls = await run_in_threadpool(read_controls, request.label_config)
        return PredictResponse(results=await _predict(service, version, request.tasks, controls))

    @routes.post(
        "/webhook", status_code=201, responses={200: {"model": WebhookResponse}, **_REFUSALS}
    )
    def webhook(request: WebhookRequest, response: Response) -> WebhookResponse:
        """Keep what an annotator found, where the service keeps any."""
        if request.action not in TRAINING_EVENTS:
            response.status_code = 200
            return WebhookResponse(status="Unknown event")
        return WebhookResponse(status="kept" if _keep(service, request) else "not kept")

    return routes


# --- The labelling configuration ---------------------------------------------------------------


def read_controls(label_config: str) -> list[Control]:
    """The controls of a configuration that can be filled in here.

    Raises ServiceError where there are none, or where it is no XML; a document type, which could
    define entities without end, is refused.
    """
    if "<!DOCTYPE" in label_config:
        raise _unusable("it has a document type; remove <!DOCTYPE ...>")
    try:
        root = ElementTree.fromstring(label_config)
    except (ElementTree.ParseError, ValueError) as error:  # the latter for lone surrogates
        problem = printable(str(error))[:200]  # it may quote a name of the configuration
        raise _unusable(f"it is not well-formed XML: {problem}") from error
    controls = [control for control in _controls(root) if control.usable]
    if not controls:
        raise _unusable(
            "it has no Choices, Labels or Number with the name of a Text in toName and a name "
            "that is known here, such as Machine or Human; add one"
        )
    if len(controls) > _MOST_CONTROLS:
        raise _unusable(f"it has {len(controls):,} controls; keep {_MOST_CONTROLS} at most")
    return controls


def _unusable(problem: str) -> ServiceError:
    return ServiceError("invalid", f"the labelling configuration cannot be used: {problem}")


def _controls(root: ElementTree.Element) -> list[Control]:
    """Controls of texts, in order, with the names that stand in them at any depth."""
    # Not a text that is fetched from an address.
    fields = {
        tag.get("name", ""): tag.get("value", "")[1:]
        for tag in root.iter("Text")
        if tag.get("value", "").startswith("$") and tag.get("valueType", "text") == "text"
    }
    controls = []
    waiting: list[tuple[ElementTree.Element, Control | None]] = [(root, None)]
    while waiting:
        tag, inside = waiting.pop()
        kind, name = _CONTROLS.get(tag.tag), tag.get("name")
        to_name = tag.get("toName", "").split(",")[0]
        if kind and name and to_name in fields:
            inside = Control(name, to_name, kind, fields[to_name], {})
            controls.append(inside)
        elif inside and _NESTED.get(tag.tag) == inside.type:
            value = tag.get("alias") or tag.get("value")
            ours = _ours(tag.get("value")) or _ours(tag.get("alias"))
            if value and ours:
                inside.names.setdefault(ours, value)
        waiting.extend((child, inside) for child in reversed(tag))
    return controls


def _ours(name: str | None) -> str | None:
    """Our label for a choice's name, if there is one."""
    return _NAMES.get(re.sub("[^a-z]", "", (name or "").casefold()))


# --- Predictions ---------------------------------------------------------------------------------


async def _predict(
    service: Service, version: str, tasks: Sequence[Task], controls: Sequence[Control]
) -> list[Prediction]:
    service.queue.check_count(len(tasks), "tasks")
    wanted = dict.fromkeys(control.field for control in controls)
    texts = {
        (place, field): text
        for place, task in enumerate(tasks)
        for field in wanted
        if isinstance(text := task.data.get(field), str)
    }
    outcomes = await service.queue.score(
        list(enumerate(texts.values())),
        explain=any(control.type == "labels" for control in controls),
    )
    found = dict(zip(texts, outcomes, strict=True))
    return [
        _prediction(version, controls, {field: found.get((place, field)) for field in wanted})
        for place in range(len(tasks))
    ]


def _prediction(
    version: str,
    controls: Iterable[Control],
    outcomes: Mapping[str, Result | ServiceError | None],
) -> Prediction:
    results = {
        field: outcome
        for field, outcome in outcomes.items()
        if isinstance(outcome, Result) and outcome.score is not None
    }
    scores = [result.score for result in results.values() if result.score is not None]
    return Prediction(
        model_version=version,
        score=max(scores, default=None),
        result=[
            Region(
                from_name=control.from_name,
                to_name=control.to_name,
                type=control.type,
                value=value,
                score=score,
            )
            for control in controls
            if control.field in results
            for value, score in _answers(control, results[control.field])
        ],
    )


def _answers(control: Control, result: Result) -> Iterator[tuple[dict[str, Any], float | None]]:
    """What a control is filled in with, and how likely each answer is right."""
    score = result.score or 0.0
    if control.type == "number":
        yield {"number": score}, None
    elif control.type == "choices":
        chosen = _choice(control.names, result)
        if chosen:
            yield {"choices": [control.names[chosen]]}, _likelihood(chosen, result)
    elif _MACHINE in control.names:
        for passage in result.passages:
            if passage.score >= result.threshold.passages:
                yield (
                    {
                        "start": passage.start,
                        "end": passage.end,
                        "labels": [control.names[_MACHINE]],
                    },
                    passage.score,
                )


def _choice(names: Mapping[str, str], result: Result) -> str | None:
    """Our label for the verdict, as far as the configuration has a name for it."""
    label: str = result.verdict
    if label == _MACHINE and _MACHINE not in names and result.kinds:
        kinds = result.kinds
        label = max(MACHINE_LABELS, key=lambda kind: kinds[kind])
    return label if label in names else None


def _likelihood(label: str, result: Result) -> float | None:
    score = result.score or 0.0
    return {**(result.kinds or {}), HUMAN: 1 - score, _MACHINE: score}.get(label)


# --- Annotations ---------------------------------------------------------------------------------


def _keep(service: Service, event: WebhookRequest) -> bool:
    """Keep an annotator's choice between human and machine; whether there was one to keep."""
    annotation, task, project = event.annotation, event.task, event.project
    if event.action not in KEPT_EVENTS or annotation is None or task is None or project is None:
        return False
    if not service.feedback.enabled or annotation.was_cancelled:
        return False
    controls = {control.from_name: control for control in read_controls(project.label_config)}
    found: dict[str, set[bool]] = {}
    for item in annotation.result:
        control = controls.get(item.from_name or "")
        if control is not None and control.type == "choices":
            found.setdefault(control.field, set()).update(_chosen(control, item.value))
    kept = False
    for field, verdicts in found.items():
        text = task.data.get(field)
        if len(verdicts) == 1 and isinstance(text, str) and text.strip():
            source = f"label-studio:{project.id}"
            kept |= service.feedback.append(
                text, machine=verdicts.pop(), source=source, story=f"{source}:{task.id}"
            )
    return kept


def _chosen(control: Control, value: Any) -> Iterator[bool]:
    """Machine or not, for each choice that says it."""
    choices = value.get("choices") if isinstance(value, dict) else None
    for ours, theirs in control.names.items():
        if ours != _UNCERTAIN and isinstance(choices, list) and theirs in choices:
            yield ours != HUMAN
