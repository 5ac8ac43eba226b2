from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.bundle import SCORING_FILES, WEIGHTS_FILE, load_bundle, parse_manifest, verify_all
from model.calibration import HumanScores
from model.errors import BundleError


@pytest.fixture
def bundle_copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / "respun.json"
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps(values))


def test_a_bundle_is_read_back_as_it_was_written(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    assert bundle.manifest.name == "respun-tiny"
    assert bundle.manifest.thresholds["fpr-1pct"].value == 0.6
    assert parse_manifest(bundle.manifest.to_dict()) == bundle.manifest
    verify_all(bundle)


def test_the_model_is_named_by_its_int8_weights(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    assert bundle.sha256 == hashlib.sha256((tiny_bundle / WEIGHTS_FILE).read_bytes()).hexdigest()


def test_all_files_are_pinned_but_manifest_and_card(bundle_copy):
    (bundle_copy / "README.md").write_text("card")
    files = load_bundle(bundle_copy).manifest.files
    assert {name for names in SCORING_FILES.values() for name in names} <= files.keys()
    assert not {"README.md", "respun.json"} & files.keys()


def test_an_altered_file_is_refused(bundle_copy):
    with (bundle_copy / "tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(BundleError, match=r"tokenizer\.json: differs"):
        load_bundle(bundle_copy)
    load_bundle(bundle_copy, verify=False)


def test_a_file_that_may_not_be_read_is_named(tiny_bundle, monkeypatch):
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("model.bundle._sha256", refuse)
    with pytest.raises(BundleError, match=r"model_quantized\.onnx: cannot be read \(Permission"):
        load_bundle(tiny_bundle)


def test_what_scoring_does_not_read_is_checked_on_demand(bundle_copy):
    (bundle_copy / "model.safetensors").write_bytes(b"other weights")
    bundle = load_bundle(bundle_copy)
    with pytest.raises(BundleError, match=r"model\.safetensors: differs"):
        verify_all(bundle)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("schema", 1, "schema 1"),
        ("normalizer", 99, "normalizer 99"),
        ("labels", ["human", "machine"], "labels"),
        ("thresholds", {}, "lack fpr-1pct"),
        ("human", {"nearest": 9, "words": [1, 2], "scores": [0.5]}, "differ in number"),
        ("human", {"nearest": 9, "words": [2, 1], "scores": [0.5, 0.1]}, "not sorted"),
        ("human", {"nearest": 0, "words": [1], "scores": [0.5]}, "nearest is not positive"),
        ("calibration", {"slope": [1.0]}, "damaged"),
        ("passages", {"own": 1.0}, "damaged"),
        ("files", {}, "what scoring reads"),
    ],
)
def test_a_manifest_that_would_score_wrongly_is_refused(bundle_copy, key, value, problem):
    _edit(bundle_copy, **{key: value})
    with pytest.raises(BundleError, match=problem) as caught:
        load_bundle(bundle_copy)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(tmp_path, bundle_copy):
    with pytest.raises(BundleError, match="no such bundle folder"):
        load_bundle(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"holds no respun\.json"):
        load_bundle(tmp_path)
    (bundle_copy / "onnx" / "model_quantized.onnx").unlink()
    with pytest.raises(BundleError, match=r"model_quantized\.onnx: missing"):
        load_bundle(bundle_copy)


def test_a_damaged_manifest_is_refused(bundle_copy):
    (bundle_copy / "respun.json").write_text('{"schema": 1,')
    with pytest.raises(BundleError, match="cannot be read"):
        load_bundle(bundle_copy)
    (bundle_copy / "respun.json").write_text("[]")
    with pytest.raises(BundleError, match="not a JSON object"):
        load_bundle(bundle_copy)


def test_a_text_must_reach_the_line_of_its_length(tiny_bundle):
    short, long = (60,) * 99, (600,) * 99
    human = HumanScores(short + long, (0.7,) * 99 + (0.2,) * 99, nearest=99)
    manifest = replace(load_bundle(tiny_bundle).manifest, human=human)
    everywhere = manifest.thresholds["fpr-1pct"].value
    assert 0.1 < everywhere < 0.99
    assert manifest.line("fpr-1pct", 60) == math.nextafter(0.7, 1)
    assert manifest.line("fpr-1pct", 600) == math.nextafter(0.2, 1)
    assert manifest.lines("fpr-1pct") == [
        (1, math.nextafter(0.7, 1)),
        (190, math.nextafter(0.2, 1)),  # 60 is to 190 as 190 is to 600, or nearly
    ]
    few = replace(manifest, human=HumanScores(short[:50], (0.1,) * 50, nearest=99))
    assert few.line("fpr-1pct", 60) == everywhere  # fifty cannot promise 1%
