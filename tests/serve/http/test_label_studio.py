"""Label Studio's ML backend: its SDK's reader of configurations, and Label Studio itself.

The slow test drives a real Label Studio. It wants one in an environment of its own, because it
pins half a hundred packages, and is pointed to it by RESPUN_LABEL_STUDIO or finds it on the path.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import warnings
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from serve import Scorer
from serve.http.adapters.label_studio import read_controls
from serve.http.errors import ServiceError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK's own, while it is imported
    from label_studio_sdk import LabelStudio
    from label_studio_sdk.actions import CreateActionsRequestSelectedItemsExcluded
    from label_studio_sdk.label_interface.interface import LabelInterface

CONFIG = """
<View>
  <Header value="Who wrote this?"/>
  <Text name="article" value="$text"/>
  <Choices name="writer" toName="article" choice="single">
    <Choice value="AI-generated"/>
    <Choice value="Human"/>
    <Choice value="Can't tell" alias="uncertain"/>
  </Choices>
  <Labels name="passages" toName="article">
    <Label value="Machine-written" background="red"/>
    <Label value="Quotation"/>
  </Labels>
  <Number name="probability" toName="article" min="0" max="1"/>
</View>
"""
KINDS = """
<View>
  <Text name="body" value="$article"/>
  <Choices name="kind" toName="body">
    <Choice value="Human-written"/><Choice value="Rewritten"/>
    <Choice value="Generated"/><Choice value="Spun"/>
  </Choices>
</View>
"""
NESTED = """
<View>
  <View style="display: flex"><Text name="title" value="$title"/></View>
  <Text name="text" value="$body" granularity="word"/>
  <Choices name="sentiment" toName="text"><Choice value="Good"/><Choice value="Bad"/></Choices>
  <View visibleWhen="choice-selected">
    <Choices name="who" toName="text,title">
      <View><Choice alias="m" value="Machine"/><Choice value="HUMAN"/></View>
    </Choices>
  </View>
  <TextArea name="note" toName="text"/>
</View>
"""


def _predict(url, config, *records, **fields):
    """What Label Studio asks of a backend for some records."""
    tasks = [
        {"id": place, "data": record, "project": 1, "annotations": [], "predictions": []}
        for place, record in enumerate(records)
    ]
    request = {
        "tasks": tasks,
        "project": "1.1790000000",
        "label_config": config,
        "params": {"login": None, "password": None, "context": None},
        **fields,
    }
    answer = httpx.post(f"{url}/label-studio/predict", json=request)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert len(results) == len(records)
    for result in results:
        errors = LabelInterface(config).validate_prediction(result, return_errors=True)
        assert not errors
    return results


def _regions(prediction):
    found: dict[str, list[dict[str, Any]]] = {}
    for region in prediction["result"]:
        found.setdefault(region["from_name"], []).append(region)
    return found


@pytest.fixture(scope="module")
def score(tiny_bundle):
    """What the library says of a text."""
    scorer = Scorer.load(tiny_bundle)
    return lambda text: scorer.score([text], explain=True)[0]


# --- Configurations ------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [CONFIG, KINDS, NESTED])
def test_configurations_are_read_as_label_studios_own_reader_reads_them(config):
    theirs = LabelInterface(config)
    controls = read_controls(config)
    assert controls
    for control in controls:
        tag = theirs.get_control(control.from_name)
        assert tag.tag.lower() == control.type
        assert tag.to_name[0] == control.to_name
        assert theirs.get_object(control.to_name).value_name == control.field
        assert set(control.names.values()) <= set(tag.labels)


def test_names_are_matched_in_any_spelling_and_unknown_ones_left_out():
    [control] = read_controls(NESTED)
    assert (control.from_name, control.to_name, control.field) == ("who", "text", "body")
    assert control.names == {"machine": "m", "human": "HUMAN"}
    choices, labels, number = read_controls(CONFIG)
    assert choices.names == {"machine": "AI-generated", "human": "Human", "uncertain": "uncertain"}
    assert labels.names == {"machine": "Machine-written"}
    assert number.names == {}


@pytest.mark.parametrize(
    "config",
    [
        "",
        "<View",
        "<View/>",
        '<View><Text name="t" value="$t"/></View>',
        '<View><Image name="t" value="$t"/><Number name="n" toName="t"/></View>',
        '<View><Text name="t" value="$t" valueType="url"/><Number name="n" toName="t"/></View>',
        NESTED.replace("Machine", "Cats").replace("HUMAN", "Dogs"),
        '<!DOCTYPE View [<!ENTITY a "b">]>' + CONFIG.strip(),
        CONFIG.replace("Who wrote this?", "\ud800\0"),
    ],
)
def test_a_configuration_that_asks_for_nothing_we_know_is_refused(served, config):
    with pytest.raises(ServiceError, match="labelling configuration cannot be used"):
        read_controls(config)
    setup = {"project": "1.1790000000", "schema": config, "hostname": "", "access_token": "x"}
    answer = httpx.post(
        f"{served}/label-studio/setup",
        content=json.dumps(setup),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    # One that is no Unicode is refused with the request, before it is read as a configuration.
    assert answer.json()["error"].startswith(("the labelling configuration", "schema: "))


def test_a_hostile_configuration_takes_no_longer_than_another():
    control = '<Choices name="c" toName="t"><Choice value="Human"/>'
    depth = 50_000  # quadratic, this would take minutes
    text = '<Text name="t" value="$t"/>'
    with pytest.raises(ServiceError, match="50,000 controls; keep 100 at most"):
        read_controls(f"<View>{text}{control * depth}{'</Choices>' * depth}</View>")
    with pytest.raises(ServiceError):
        read_controls("<View>" * 1_000_000)


# --- Predictions ---------------------------------------------------------------------------------


def test_health_and_setup_answer_as_a_backend_does(served):
    for path in ("/label-studio/health", "/label-studio/"):
        answer = httpx.get(served + path)
        assert answer.json() == {"status": "UP", "model_class": "Respun"}
    setup = {
        "project": "1.1790000000",
        "schema": CONFIG,
        "hostname": "http://localhost:8080",
        "access_token": "token",
        "extra_params": None,
    }
    answer = httpx.post(f"{served}/label-studio/setup", json=setup)
    assert answer.json() == {"model_version": "respun-tiny-0.0.1"}


def test_a_prediction_holds_the_choice_the_marked_passages_and_the_score(serve, toy_article, score):
    text = "\N{SWIMMER} " + toy_article
    [prediction] = _predict(serve(threshold=0.0), CONFIG, {"text": text})
    result = score(text)
    assert prediction["score"] == pytest.approx(result.score, abs=1e-6)
    assert prediction["model_version"] == "respun-tiny-0.0.1"
    regions = _regions(prediction)
    [choice] = regions["writer"]
    assert choice["value"] == {"choices": ["AI-generated"]}
    assert choice["score"] == pytest.approx(result.score, abs=1e-6)
    [number] = regions["probability"]
    assert number["value"] == {"number": pytest.approx(result.score, abs=1e-6)}
    marked = [passage for passage in result.passages if passage.score >= result.threshold.passages]
    found = [(span["value"]["start"], span["value"]["end"]) for span in regions["passages"]]
    assert found == [(passage.start, passage.end) for passage in marked]
    assert {tuple(span["value"]["labels"]) for span in regions["passages"]} == {
        ("Machine-written",)
    }


def test_verdicts_without_a_choice_of_their_name_are_left_to_the_annotator(
    serve, toy_article, score
):
    kinds = score(toy_article).kinds
    [machine] = _predict(serve(threshold=0.0), KINDS, {"article": toy_article})
    likeliest = max(("rewritten", "generated", "spun"), key=kinds.__getitem__)
    [choice] = machine["result"]
    assert choice["value"] == {"choices": [likeliest.capitalize()]}
    assert choice["score"] == pytest.approx(kinds[likeliest], abs=1e-6)
    [other] = _predict(serve(threshold=1.0), KINDS, {"article": toy_article})
    uncertain = score(toy_article).verdict != "human"
    assert [choice["value"] for choice in other["result"]] == (
        [] if uncertain else [{"choices": ["Human-written"]}]
    )


def test_tasks_without_a_score_are_left_to_the_annotator_and_fail_no_other(
    served, toy_article, german_article, score
):
    records = [{"text": ""}, {"text": "Short."}, {"text": german_article}, {"text": 7}, {}]
    *empty, full = _predict(served, CONFIG, *records, {"text": toy_article})
    for prediction in empty:
        assert prediction == {"model_version": "respun-tiny-0.0.1", "result": []}
    assert full["score"] == pytest.approx(score(toy_article).score, abs=1e-6)


def test_a_user_and_a_password_may_be_asked_for(serve, toy_article):
    url = serve(label_studio_user="ls", label_studio_password="pa:ss")
    health = f"{url}/label-studio/health"
    assert httpx.get(health, auth=("ls", "pa:ss")).status_code == 200
    for auth in (None, ("ls", "other"), ("other", "pa:ss"), ("ls", "pa"), ("", "")):
        answer = httpx.get(health, auth=auth)
        assert answer.status_code == 401
        assert "wrong user or password" in answer.json()["error"]


# --- Annotations ---------------------------------------------------------------------------------


def _event(text, *choices, action="ANNOTATION_CREATED", control="writer", **annotation):
    """What Label Studio's webhook sends for an annotation, shortened."""
    result = [
        {
            "id": "aaaa",
            "type": "choices",
            "from_name": control,
            "to_name": "article",
            "origin": "manual",
            "value": {"choices": list(choices)},
        },
        {"type": "labels", "from_name": "passages", "to_name": "article", "value": {"start": 0}},
    ]
    return {
        "action": action,
        "annotation": {"id": 1, "result": result, "was_cancelled": False, **annotation},
        "task": {"id": 12, "data": {"text": text}},
        "project": {"id": 3, "title": "News", "label_config": CONFIG},
    }


def _send(url, event):
    return httpx.post(f"{url}/label-studio/webhook", json=event)


def test_annotators_verdicts_are_kept(serve, tmp_path, toy_article):
    url = serve(feedback=tmp_path / "feedback.jsonl")
    for event in (
        _event(toy_article, "AI-generated"),
        _event(toy_article, "Human", action="ANNOTATION_UPDATED"),
    ):
        answer = _send(url, event)
        assert (answer.status_code, answer.json()) == (201, {"status": "kept"})
    lines = map(json.loads, (tmp_path / "feedback.jsonl").read_text("utf-8").splitlines())
    kept = [(line["text"], line["label"], line["source"], line["story"]) for line in lines]
    origin = ("label-studio:3", "label-studio:3:12")
    assert kept == [(toy_article, label, *origin) for label in ("rewritten", "human")]


def test_what_is_no_verdict_is_not_kept(serve, tmp_path):
    url = serve(feedback=tmp_path / "feedback.jsonl")
    for event in (
        _event("A text", "uncertain"),
        _event("A text", "AI-generated", "Human"),
        _event("A text", "AI-generated", control="another"),
        _event("A text", "AI-generated", was_cancelled=True),
        _event("A text", "AI-generated", action="ANNOTATION_DELETED"),
        _event(" ", "AI-generated"),
        _event("A text"),
        {"action": "ANNOTATION_CREATED"},
        {"action": "START_TRAINING", "project": {"id": 3, "label_config": CONFIG}},
    ):
        answer = _send(url, event)
        assert (answer.status_code, answer.json()) == (201, {"status": "not kept"})
    assert (tmp_path / "feedback.jsonl").read_bytes() == b""


def test_other_events_are_unknown_and_without_a_store_nothing_is_kept(served, toy_article):
    for event in (
        {"action": "PROJECT_UPDATED", "project": {"id": 3}},
        {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 1}], "project": {"id": 3}},
    ):
        answer = _send(served, event)
        assert (answer.status_code, answer.json()) == (200, {"status": "Unknown event"})
    answer = _send(served, _event(toy_article, "Human"))
    assert (answer.status_code, answer.json()) == (201, {"status": "not kept"})


# --- Label Studio itself -------------------------------------------------------------------------

_INSTALL = "python -m venv ls && ls/bin/pip install label-studio"
_PROGRAM = os.environ.get("RESPUN_LABEL_STUDIO") or shutil.which("label-studio")


@contextmanager
def _label_studio(folder, token):
    """A Label Studio of its own on a free port of the loopback, with an empty database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_USERNAME": "moderator@example.org",
        "LABEL_STUDIO_PASSWORD": secrets.token_hex(),
        "LABEL_STUDIO_USER_TOKEN": token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        # It refuses backends and webhooks at private addresses unless told otherwise.
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "OMP_NUM_THREADS": "1",
    }
    command = [str(_PROGRAM), "start", "--init", "--no-browser", "--internal-host", "127.0.0.1"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [*command, "--port", str(port)], env=environment, cwd=folder, stdout=log, stderr=log
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(lambda: _is_up(process, url), 600)
            yield url
        finally:
            process.kill()  # nothing of it is kept


def _is_up(process, url):
    assert process.poll() is None, "Label Studio ended before it began"
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def _wait(condition, timeout_s):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "Label Studio took too long"
        time.sleep(0.5)
    return found


@pytest.mark.slow
@pytest.mark.skipif(
    _PROGRAM is None,
    reason=f"no Label Studio: {_INSTALL}, then RESPUN_LABEL_STUDIO=ls/bin/label-studio",
)
def test_label_studio_labels_an_article_and_gives_its_annotators_verdict(
    serve, tmp_path, toy_article, score
):
    feedback, token = tmp_path / "feedback.jsonl", secrets.token_hex(20)
    backend = serve(
        threshold=0.0,
        feedback=feedback,
        api_keys=("sesame",),
        label_studio_user="ls",
        label_studio_password="open",
    )
    with _label_studio(tmp_path, token) as url, httpx.Client(timeout=60) as http:
        client = LabelStudio(base_url=url, api_key=token, httpx_client=http)
        project = client.projects.create(title="News", label_config=CONFIG)
        assert project.id is not None
        client.ml.create(
            url=f"{backend}/label-studio",
            project=project.id,
            title="Respun",
            auth_method="BASIC_AUTH",
            basic_auth_user="ls",
            basic_auth_pass="open",
        )
        client.webhooks.create(
            url=f"{backend}/label-studio/webhook",
            project=project.id,
            headers={"Authorization": f"Basic {base64.b64encode(b'ls:open').decode()}"},
            send_for_all_actions=True,
        )
        record: Any = {"text": toy_article}  # the SDK's type has none of a project's own fields
        client.projects.import_tasks(id=project.id, request=[record])
        client.actions.create(
            id="retrieve_tasks_predictions",
            project=project.id,
            selected_items=CreateActionsRequestSelectedItemsExcluded(all=True),
        )
        task_id: int = next(iter(client.tasks.list(project=project.id, fields="all"))).id
        [prediction] = client.predictions.list(task=task_id)
        result = score(toy_article)
        assert prediction.score == pytest.approx(result.score, abs=1e-6)
        assert prediction.model_version == "respun-tiny-0.0.1"
        regions = _regions({"result": prediction.result})
        assert set(regions) == {"writer", "passages", "probability"}
        [choice] = regions["writer"]
        assert choice["value"] == {"choices": ["AI-generated"]}
        client.annotations.create(id=task_id, result=[choice])
        [kept] = _wait(lambda: feedback.exists() and feedback.read_text().splitlines(), 30)
    assert json.loads(kept)["text"] == toy_article
    assert json.loads(kept)["label"] == "rewritten"
