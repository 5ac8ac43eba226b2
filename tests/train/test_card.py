"""The card holds what the manifest says, no other number, and is checked whole."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from model.bundle import (
    ONNX_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Manifest,
    load_bundle,
    write_manifest,
)
from model.calibration import Calibration, HumanScores
from model.passages import PassageCalibration
from model.policies import Threshold
from train import card
from train.gist import one_minute


def figure(value: float) -> dict[str, float]:
    """An estimate with an interval of its own."""
    return {"value": value, "low": value - 0.001, "high": value + 0.001}


def cell(detected: float, false_alarms: float) -> dict[str, object]:
    """One system on one row."""
    rate = {"hits": 1, "count": 2}
    policies = ("fpr-5pct", "fpr-1pct", "fpr-0.1pct")
    return {
        "auroc": figure(detected),
        "within": None,
        "tpr": {policy: {**figure(detected), **rate} for policy in policies},
        "fpr": {policy: {**figure(false_alarms), **rate} for policy in policies},
    }


def row(kind: str, name: str, detected: float = 0.9, false_alarms: float = 0.02) -> dict:
    """One row of the measured tables."""
    cells = {"encoder": cell(detected, false_alarms), "linear": cell(0.8, 0.03)}
    return {
        "kind": kind, "name": name, "machine": 60, "human": 120, "cells": cells,
        "best_feature": "",
    }  # fmt: skip


@pytest.fixture
def measured() -> dict[str, dict]:
    """What `measure --record` keeps, made up."""
    pair = {"ece": figure(0.0123), "brier": figure(0.0456)}
    return {
        "test": {
            "sha256": "f" * 64,
            "data_digest": "d" * 64,
            "split": "test",
            "limit": None,
            "texts": {"human": 1234, "machine": 2345},
            "too_short": 0,
            "threshold_humans": 5066,
            "rows": [
                row("overall", "all", 0.9876, 0.0111),
                row("slice", "outlet"),
                *[row("generator", f"toy-{index}", 0.5 + index / 100) for index in range(12)],
                *[row("outlet", f"gazette-{index}", 0.9, index / 100) for index in range(12)],
                row("domain", "news"),
            ],
            "calibration": [{"name": "all", "machine": 1, "human": 1, "encoder": pair}],
            "kinds": {"kinds": ["human", "spun"], "counts": {"human": [9, 1], "spun": [0, 0]}},
            "wins": {"slices": 9, "auroc": 8, "tpr": 7, "behind": []},
            "training_texts": {"toy/corpus": {"human": 4000, "spun": 5000}, "b": {"human": 1}},
        }
    }


@pytest.fixture
def bundle(tmp_path: Path, measured) -> Path:
    """A bundle whose weights are no weights, but whose manifest is whole."""
    (tmp_path / "onnx").mkdir()
    (tmp_path / ONNX_FILE).write_bytes(b"toy")
    (tmp_path / WEIGHTS_FILE).write_bytes(b"toy")
    (tmp_path / TOKENIZER_FILE).write_bytes(b"{}")
    line = Threshold(value=0.875, humans=3210, flagged=32, interval=(0.0068, 0.014))
    manifest = Manifest(
        name="toy-encoder",
        version="3.2.1",
        max_tokens=16,
        minimum_words=41,
        calibration=Calibration((1.0, 0.0), (0.0, 0.0)),
        human=HumanScores((100,), (0.1,), nearest=1),
        passages=PassageCalibration((1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), 0.5),
        thresholds={"fpr-5pct": line, "fpr-1pct": line},
        training={"commit": "abc123", "config": {"steps": 777}},
        parity={"auroc_difference": 0.0007},
    )
    pinned = write_manifest(tmp_path, manifest)
    measured["test"]["sha256"] = pinned.files[WEIGHTS_FILE]
    write_manifest(tmp_path, replace(manifest, measured=measured))
    return tmp_path


def test_metadata_is_what_the_hub_reads(bundle):
    data: Any = ModelCard(card.bundle_card(bundle)).data
    assert (data.license, data.pipeline_tag, data.language) == (
        "apache-2.0",
        "text-classification",
        "en",
    )
    assert data.base_model == card.BASE_MODEL
    results = {
        (result.dataset_config, result.metric_name): result.metric_value
        for result in data.eval_results
    }
    assert results["all", "AUROC"] == 0.9876
    assert results["all", "FPR at the fpr-1pct threshold"] == 0.0111
    assert results["all", "expected calibration error"] == 0.0123
    assert results["slice-outlet", "FPR at the fpr-1pct threshold"] == 0.02
    assert ("slice-outlet", "expected calibration error") not in results
    assert len(results) == len(data.eval_results)
    assert {result.dataset_split for result in data.eval_results} == {"test"}


def test_a_reader_of_one_minute_is_told_the_figures_of_these_weights(bundle, measured):
    text = card.bundle_card(bundle)
    minute = text.partition("## In one minute\n")[2].partition("\n## ")[0].strip().splitlines()
    assert "41 words or more" in minute[0]
    for expected in ("2.00% [", "of 120 at outlets", "gazette-11: ", "frozen on 5,066", ".988"):
        assert any(expected in line for line in minute), expected
    manifest = load_bundle(bundle).manifest.to_dict()
    other = copy.deepcopy(measured)
    other["test"]["sha256"] = "0" * 64
    (only,) = one_minute(manifest, other).splitlines()
    assert only == minute[0]


def test_attacks_and_passages_are_in_the_minute_once_measured(bundle):
    manifest = load_bundle(bundle).manifest.to_dict()
    own = {"bundle": {"sha256": manifest["files"][WEIGHTS_FILE]}}
    rows = [{"attack": name, "tpr": figure(share)} for name, share in (("a_b", 0.4), ("c", 0.7))]
    clean = {"machine": 300, "tpr": figure(0.75)}
    told: dict[str, Any] = {"human": {"articles": 900, "marked": figure(0.021)}}
    told["rows"] = [{"name": "all", "articles": 800, "auroc": {"encoder": figure(0.912)}}]
    parts: dict[str, dict[str, Any]] = {"passages": {**own, **told}}
    parts["attacks"] = {**own, "clean": clean, "standard": rows}
    text = one_minute(manifest, parts)
    assert "from 75.0% to 40.0% at worst (a b, of 2 attacks on 300 texts)" in text
    assert "AUROC .912; of those of 900 human articles 2.10% are marked" in text
    other = {name: {**part, "bundle": {"sha256": "0"}} for name, part in parts.items()}
    assert len(one_minute(manifest, other).splitlines()) == 1


def test_passages_are_on_the_card_of_the_weights_that_they_are_of(bundle):
    manifest = load_bundle(bundle).manifest.to_dict()
    row = {
        "name": "scattered",
        "articles": 1_111,
        "sentences": 22_222,
        "auroc": dict.fromkeys(("encoder", "windows", "linear"), figure(0.912)),
        "share_error": 0.123,
        "share_error_expected": 0.111,
        "share_error_of_half": 0.25,
        "boundary": None,
    }
    report = {
        "bundle": {"sha256": manifest["files"][WEIGHTS_FILE]},
        "texts": 500,
        "threshold": 0.61,
        "human": {"articles": 900, "marked": figure(0.021)},
        "rows": [row],
    }
    text = card.render_card(manifest, {"passages": report})
    assert "from a score of 0.61 on. Of the sentences of 900 human articles, 2.10%" in text
    assert "| scattered | 1,111 | 22,222 | .912" in text
    assert "| 0.123 | 0.111 | 0.250 | – |" in text
    report["bundle"] = {"sha256": "0"}
    assert "scattered" not in card.render_card(manifest, {"passages": report})


def test_weights_that_trained_on_the_attacks_say_so(bundle):
    manifest = load_bundle(bundle).manifest.to_dict()
    assert card._attacked_in_training(manifest) == []
    manifest["training"]["config"]["attacked"] = 0.15
    (told,) = card._attacked_in_training(manifest)
    assert "15% of the training texts" in told


def test_the_figures_of_the_manifest_are_on_the_card(bundle):
    text = card.bundle_card(bundle)
    for expected in ("toy-encoder 3.2.1", "0.8750", "3,210", "0.68% to 1.40%", "below 41 words"):
        assert expected in text
    for expected in ("1,234 human", "98.8% [98.7%, 98.9%]", "| toy/corpus | 4,000 | 5,000 |"):
        assert expected in text
    for expected in ("`abc123`", "config.steps: `777`", "auroc_difference: `0.0007`"):
        assert expected in text


def test_the_card_says_where_the_promise_was_broken(bundle):
    def outlet(name: str, low: float) -> dict[str, Any]:
        rate = {"value": low + 0.01, "low": low, "high": low + 0.02, "hits": 1, "count": 99}
        return {"name": name, "humans": 99, "fpr": {"fpr-1pct": rate}}

    lengths = [{"words": 50, "humans": 122, "between": [40, 88], "lines": {"fpr-1pct": 0.9912}}]
    manifest = load_bundle(bundle).manifest.to_dict()
    for low, expected in ((0.012, "broken, beyond chance, at: odd gazette."), (0.0, "At none")):
        kept = {
            "lengths": lengths,
            "outlets": [outlet("gazette", 0.001), outlet("odd gazette", low)],
        }
        text = card.render_card(manifest, {"threshold": kept})
        assert expected in text
        assert "| 50 | 122 | 40 to 88 | 0.9912 |" in text
        assert "| gazette | 99 | 1.10% [0.10%, 2.10%] |" in text
    text = card.render_card(manifest, {"threshold": {"lengths": lengths, "outlets": []}})
    assert "| 50 | 122 | 40 to 88 | 0.9912 |" in text
    assert "beyond chance" not in text  # where no outlet can be left out, nothing is claimed


def test_the_worst_come_first_and_only_they(bundle):
    text = card.bundle_card(bundle)
    assert "| toy-0 |" in text
    assert "| toy-11 |" not in text
    assert text.index("| gazette-11 |") < text.index("| gazette-10 |")
    assert "| gazette-0 |" not in text


def test_every_section_is_there_even_when_nothing_was_measured(bundle):
    manifest = load_bundle(bundle).manifest.to_dict()
    text = card.render_card(manifest, {})
    headings = ["What it is for", "What it is not for", "How often it errs, and on whom"]
    headings += ["How it was measured", "Training data", "Training", "Limits", "Use"]
    for heading in headings:
        assert f"\n## {heading}\n" in text
    assert "have not been measured yet" in text
    assert "model-index" not in text


def test_figures_of_other_weights_are_called_so(bundle, measured):
    manifest = load_bundle(bundle).manifest.to_dict()
    assert "other weights" not in card.render_card(manifest, measured)
    other = copy.deepcopy(measured)
    other["test"]["sha256"] = "0" * 64
    assert "other weights" in card.render_card(manifest, other)


def test_check_passes_on_the_card_it_wrote_and_fails_on_any_other(bundle, capsys):
    command = ["--bundle", str(bundle)]
    assert card.main([*command, "--check"]) == 1
    assert card.main(command) == 0
    assert card.main([*command, "--check"]) == 0
    path = bundle / "README.md"
    path.write_text(path.read_text().replace("1,234", "9,999"))
    assert card.main([*command, "--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert card.main(["--bundle", str(bundle / "onnx")]) == 1
