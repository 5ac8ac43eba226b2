"""The bundle is the network that was trained, pinned file by file, and says how close it is."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from model.bundle import (
    GPU_FILE,
    GPU_WEIGHTS_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    load_bundle,
    verify_all,
)
from model.document import DocumentReader, mean_logits
from model.encoder import Encoder
from model.errors import ConfigError, CorpusError
from model.labels import LABELS
from train import calibrate, card
from train.config import FinetuneConfig
from train.corpus import trained_before
from train.export import export, main
from train.measure import read_texts
from train.network import NetworkTokenLogits

# Of logits that spread over some five units. int8 weights and activations round that much on
# a network this small; how much it is on a real one, the manifest's parity says.
INT8 = 0.15
FP16 = 0.01


def document_logits(folder: Path, compute: Any, texts: list[str]) -> np.ndarray:
    """Mean logits [n, 4] of the texts, read as the bundle in `folder` reads them."""
    bundle = load_bundle(folder)
    reader = DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)
    documents = [reader.read(text) for text in texts]
    return np.stack([mean_logits(rows) for rows in reader.logits(documents, compute)])


def network_logits(folder: Path, network: Any, texts: list[str]) -> np.ndarray:
    return document_logits(folder, NetworkTokenLogits(network, 0, 1000, bf16=False), texts)


@pytest.fixture(scope="module")
def texts(toy_rows) -> list[str]:
    return [row["text"] for row in toy_rows("test")]


@pytest.fixture(scope="module")
def trained(toy_run) -> Any:
    """The network that the run ended with."""
    return AutoModelForTokenClassification.from_pretrained(toy_run.config.output / "network")


def test_the_exported_graph_is_the_network(toy_run, trained, texts):
    encoder = Encoder(toy_run.bundle / ONNX_FILE)
    exported = document_logits(toy_run.bundle, encoder.token_logits, texts)
    ours = network_logits(toy_run.bundle, trained, texts)
    assert exported == pytest.approx(ours, abs=INT8)


def test_the_graph_for_a_gpu_is_the_network_with_the_weights_of_the_safetensors(
    toy_run, trained, texts
):
    encoder = Encoder(toy_run.bundle / GPU_FILE)  # whatever runs it: the graph is the same
    exported = document_logits(toy_run.bundle, encoder.token_logits, texts)
    assert exported == pytest.approx(network_logits(toy_run.bundle, trained, texts), abs=FP16)
    assert (toy_run.bundle / GPU_FILE).stat().st_size < 200_000


def test_windows_of_the_gpu_graph_do_not_hear_their_neighbours(toy_run, texts):
    encoder = Encoder(toy_run.bundle / GPU_FILE)
    together = document_logits(toy_run.bundle, encoder.token_logits, texts)
    alone = [document_logits(toy_run.bundle, encoder.token_logits, [text])[0] for text in texts]
    assert together == pytest.approx(np.stack(alone), abs=FP16)


def test_the_weights_load_back_for_a_gpu_or_a_further_training(toy_run, trained, texts):
    bundle = str(toy_run.bundle)
    network = AutoModelForTokenClassification.from_pretrained(bundle, use_safetensors=True)
    assert network.dtype == torch.float16
    assert network.config.id2label == dict(enumerate(LABELS))
    assert network_logits(toy_run.bundle, network.float(), texts) == pytest.approx(
        network_logits(toy_run.bundle, trained, texts), abs=FP16
    )
    ids = AutoTokenizer.from_pretrained(bundle)(texts[0], truncation=False)["input_ids"]
    reader = DocumentReader.from_file(toy_run.bundle / "tokenizer.json", 48)
    assert [i for i in ids if i not in (reader.cls_id, reader.sep_id)] == (
        reader.read(texts[0]).token_ids.tolist()
    )


def test_every_file_is_pinned_by_its_digest(toy_run):
    bundle = load_bundle(toy_run.bundle)
    verify_all(bundle)
    names = {
        path.relative_to(toy_run.bundle).as_posix()
        for path in toy_run.bundle.rglob("*")
        if path.is_file()
    }
    assert names - {"respun.json", "README.md"} == set(bundle.manifest.files)
    assert {ONNX_FILE, WEIGHTS_FILE, GPU_FILE, GPU_WEIGHTS_FILE, "config.json"} <= names
    for name, digest in bundle.manifest.files.items():
        assert hashlib.sha256((toy_run.bundle / name).read_bytes()).hexdigest() == digest
    assert not [name for name in names if name.endswith((".bin", ".pkl", ".pt"))]


def test_the_manifest_says_how_close_the_graph_is(toy_run):
    parity = load_bundle(toy_run.bundle).manifest.parity
    assert parity["texts"] == 20  # all of dev
    assert parity["auroc_difference"] == pytest.approx(
        abs(parity["auroc_network_fp32"] - parity["auroc_onnx_int8"])
    )
    assert 0 <= parity["mean_score_difference"] <= parity["largest_score_difference"] < 0.1


def test_the_manifest_says_where_the_weights_come_from(toy_run):
    manifest = load_bundle(toy_run.bundle).manifest
    assert (manifest.name, manifest.max_tokens, manifest.minimum_words) == ("toy", 48, 40)
    assert manifest.training["data_digest"] == "d" * 64
    assert manifest.training["config"] == toy_run.config.model_dump(mode="json")
    assert manifest.training["base_model"] == toy_run.config.encoder
    assert {"torch", "transformers", "onnxruntime"} <= set(manifest.training["versions"])


def test_the_manifest_holds_what_calibration_gave(toy_run, toy_rows):
    manifest = load_bundle(toy_run.bundle).manifest
    assert {line.humans for line in manifest.thresholds.values()} == {30}
    assert len(manifest.human.scores) == len(toy_rows("threshold"))
    json.loads((toy_run.bundle / "respun.json").read_text(), parse_constant=pytest.fail)


def test_the_card_is_written_and_no_scaffolding_stays(toy_run):
    assert card.is_current(toy_run.bundle)
    assert not toy_run.bundle.with_name("bundle.partial").exists()


def test_exporting_again_gives_the_same_weights(toy_run, tmp_path, capsys):
    run, path = copy_of(toy_run, tmp_path)
    shutil.rmtree(run / "bundle")
    assert main(["--config", str(path)]) == 0
    assert capsys.readouterr().out == f"{run / 'bundle'}\n"
    first, again = load_bundle(toy_run.bundle), load_bundle(run / "bundle")
    assert again.sha256 == first.sha256
    assert again.manifest.calibration == first.manifest.calibration
    assert again.manifest.thresholds == first.manifest.thresholds


def test_an_export_that_fails_leaves_the_bundle_as_it_was(toy_run, tmp_path, monkeypatch):
    run, _ = copy_of(toy_run, tmp_path)
    before = (run / "bundle" / "respun.json").read_bytes()

    def refuse(*_: Any) -> None:
        raise CorpusError("a toy problem")

    monkeypatch.setattr(calibrate, "calibrate", refuse)
    with pytest.raises(CorpusError):
        export(toy_run.config.model_copy(update={"output": run}))
    assert (run / "bundle" / "respun.json").read_bytes() == before
    verify_all(load_bundle(run / "bundle"))


def test_without_a_trained_network_there_is_nothing_to_export(write_config, capsys):
    assert main(["--config", str(write_config())]) == 2
    message = capsys.readouterr().err
    assert message.startswith("train.export: ")
    assert message.count("\n") == 1
    assert "run train.finetune to its end first" in message


def copy_of(toy_run: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the finished run that a test may change, and its configuration."""
    run = Path(shutil.copytree(toy_run.config.output, tmp_path / "out"))
    path = tmp_path / "copy.json"  # JSON is YAML
    values = {**toy_run.config.model_dump(mode="json"), "output": str(run)}
    path.write_text(json.dumps(values))
    return run, path


def test_the_list_of_texts_trained_on_before_is_read_or_named(tmp_path):
    path = tmp_path / "seen.txt"
    values = {"name": "toy", "version": "0", "data": "d", "output": "o", "steps": 1}
    config = FinetuneConfig.model_validate({**values, "encoder": "e", "trained_before": str(path)})
    with pytest.raises(ConfigError, match=r"seen\.txt: cannot be read \(.*\); restore the file"):
        trained_before(config)
    path.write_text("b:2\n\na:1\n")
    assert trained_before(config) == {"a:1", "b:2"}
    assert trained_before(config.model_copy(update={"trained_before": None})) == frozenset()


def test_texts_trained_on_before_are_not_measured(toy_corpus):
    every = read_texts(toy_corpus, "test")
    fewer = read_texts(toy_corpus, "test", seen=every.ids[:3])
    assert fewer.ids == every.ids[3:]
