"""From a trained network to a bundle: `python -m train.export --config configs/minilm.yaml`.

The last stage of training: ONNX for the CPU in int8, safetensors in fp16 for a further
fine-tuning and, through a graph that points into them, for a GPU; calibration on the int8
graph, parity with the network it came from, and the manifest that pins it all. Weights are
quantised dynamically and per channel: no data is needed, and embeddings shrink too, which are
half of the model. What was tried instead is in `configs/engines.md`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import (
    GPU_FILE,
    GPU_WEIGHTS_FILE,
    ONNX_FILE,
    Bundle,
    Manifest,
    load_bundle,
    verify_all,
    write_manifest,
)
from model.calibration import Calibration, HumanScores
from model.config_file import read_config
from model.errors import ConfigError, RespunError
from model.passages import PassageCalibration
from model.policies import Threshold
from train.config import FinetuneConfig
from train.corpus import trained_before, without

PARITY_TEXTS = 600
"""Dev texts on which the exported graph is compared with the network."""
_SMALLEST_MAPPED = 1024  # bytes; smaller tensors stay in the graph

_EPILOG = """\
example:
  python -m train.export --config configs/minilm.yaml

reads OUTPUT/network, which train.finetune wrote, and prints the folder of the bundle.
exit codes: 0 done, 1 the data set lacks something, 2 wrong usage, or nothing trained yet
"""
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.export",
        description="Export a trained network to a bundle: int8 ONNX, calibrated and compared.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="the run's YAML file")
    options = parser.parse_args(arguments)
    try:
        print(export(read_config(options.config, FinetuneConfig)))
    except ConfigError as error:
        print(f"train.export: {error}", file=sys.stderr)
        return 2
    except RespunError as error:
        print(f"train.export: {error}", file=sys.stderr)
        return 1
    return 0


def export(config: FinetuneConfig) -> Path:
    """Write the bundle of a finished run to `config.output`/bundle; returns that folder."""
    from train.card import write_card
    from train.corpus import corpus_digest, open_corpus

    source = config.output / "network"
    if not (source / "model.safetensors").is_file():
        raise ConfigError(f"{source}: no trained network; run train.finetune to its end first")
    folder = config.output / "bundle"
    partial = config.output / "bundle.partial"
    shutil.rmtree(partial, ignore_errors=True)
    write_weights(source, partial)
    manifest = _draft(config)
    bundle = Bundle(partial, write_manifest(partial, manifest))
    corpus = open_corpus(config.data)
    digest = corpus_digest(config.data)
    promise = _calibrate(bundle, corpus, config, digest)
    manifest = replace(
        manifest,
        calibration=promise.calibration,
        human=promise.human,
        passages=_passages(bundle, corpus, config),
        thresholds=promise.thresholds,
        training=_provenance(config, digest),
        measured={"threshold": promise.kept},
    )
    bundle = Bundle(partial, write_manifest(partial, manifest))
    parity = measure_parity(bundle, source, corpus["dev"], config)
    write_manifest(partial, replace(manifest, parity=parity))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    write_card(folder)
    verify_all(load_bundle(folder))
    return folder


def write_weights(source: Path, folder: Path) -> None:
    """Everything of a bundle but its manifest and card, from a saved network.

    `folder` must not exist. The network is a token classifier with its tokenizer, as
    transformers saves them.
    """
    import torch
    from transformers import AutoModelForTokenClassification

    from train.network import quiet_transformers

    quiet_transformers()
    folder.mkdir(parents=True)
    (folder / "onnx").mkdir()
    for name in _TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    network = AutoModelForTokenClassification.from_pretrained(
        source, use_safetensors=True, attn_implementation="eager", dtype=torch.float32
    )
    network.eval()
    with tempfile.TemporaryDirectory(prefix="respun-export-") as scratch:
        full = Path(scratch) / "full.onnx"
        write_onnx(network, full)
        fuse(full, full, network.config)
        quantise(full, folder / ONNX_FILE)
    network.half().save_pretrained(str(folder), safe_serialization=True)
    _write_gpu_graph(network, folder)


def write_onnx(network: Any, path: Path, fold: bool = True) -> None:
    """The whole graph: input_ids and attention_mask [B, T] to logits [B, T, 4], float32.

    With `fold`, constants are computed at once; without, each parameter stays as it is stored.
    """
    import warnings

    import torch

    class Logits(torch.nn.Module):  # the exporter wants tensors, not a ModelOutput
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            output = self.network(input_ids=input_ids, attention_mask=attention_mask)
            logits: torch.Tensor = output.logits.float()
            return logits

    ids = torch.ones((2, 16), dtype=torch.int64)
    dynamic = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        # The optimizer below knows the graphs of the older exporter; its notes on tracing
        # concern shapes that the parity check covers.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": dynamic, "attention_mask": dynamic, "logits": dynamic},
            opset_version=17,
            do_constant_folding=fold,
            dynamo=False,
        )


def fuse(full: Path, target: Path, encoder: Any) -> None:
    """Fuse attention and GELU for windows that are never padded: the attention mask goes.

    Layer norms stay as they are: onnxruntime's fused kernel for them is, on a CPU, eight times
    slower than its plain one.
    """
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import (
        AttentionMaskFormat,
        AttentionOpType,
        FusionOptions,
    )

    options = FusionOptions("bert")
    options.enable_embed_layer_norm = False
    options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = False
    options.enable_bias_gelu = False
    options.attention_mask_format = AttentionMaskFormat.NoMask
    options.attention_op_type = AttentionOpType.MultiHeadAttention
    options.use_multi_head_attention = True
    fused = optimizer.optimize_model(
        str(full),
        model_type="bert",
        num_heads=encoder.num_attention_heads,
        hidden_size=encoder.hidden_size,
        optimization_options=options,
        opt_level=0,
    )
    fused.save_model_to_file(str(target))


def quantise_weights(fused: Path, target: Path, per_channel: bool = True, **more: Any) -> None:
    """Weights to int8, activations when they come; `more` goes to onnxruntime's own function."""
    import logging

    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    allowed = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it advises what the fusion has done
    try:
        quantize_dynamic(
            str(fused),
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
            # After the fusion the types of its outputs are unknown to shape inference.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            **more,
        )
    finally:
        logging.disable(allowed)


def quantise(fused: Path, target: Path) -> None:
    """Weights to int8, and the graph as onnxruntime would rewrite it at every start.

    The weights come to lie beside the graph, where they can be mapped into memory.
    """
    import onnx
    from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

    quantised, optimised = fused.with_name("int8.onnx"), fused.with_name("optimised.onnx")
    quantise_weights(fused, quantised)
    options = SessionOptions()
    # Extended: what runs on every CPU alike. The fusions left out are those that `fuse` avoids.
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(optimised)
    InferenceSession(
        str(quantised),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["SkipLayerNormFusion", "BiasGeluFusion", "EmbedLayerNormFusion"],
    )
    onnx.save_model(
        onnx.load(optimised),
        str(target),
        save_as_external_data=True,
        location=target.with_name(target.name + "_data").name,
        size_threshold=_SMALLEST_MAPPED,
    )


def _write_gpu_graph(network: Any, folder: Path) -> None:
    """The fp16 graph, whose weights are those in the safetensors: it only says where."""
    import json

    import onnx
    from onnx.external_data_helper import set_external_data

    weights = folder / GPU_WEIGHTS_FILE
    with weights.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        stored = json.loads(file.read(header_bytes))
    with tempfile.TemporaryDirectory(prefix="respun-export-") as scratch:
        full = Path(scratch) / "fp16.onnx"
        write_onnx(network, full, fold=False)
        graph = onnx.load(full)
    for tensor in graph.graph.initializer:
        entry = stored.get(tensor.name.removeprefix("network."))
        if entry is None:
            continue  # a buffer of the network, not a weight
        start, end = entry["data_offsets"]
        set_external_data(tensor, weights.name, offset=8 + header_bytes + start, length=end - start)
        tensor.ClearField("raw_data")
    onnx.save_model(graph, str(folder / GPU_FILE))


# --- manifest ----------------------------------------------------------------------------


def _draft(config: FinetuneConfig) -> Manifest:
    """A manifest that pins the files while nothing is calibrated yet."""
    nothing = Threshold(1.0, 0, 0, (0.0, 1.0))
    return Manifest(
        name=config.name,
        version=config.version,
        max_tokens=config.maximum_tokens,
        minimum_words=config.minimum_words,
        calibration=Calibration((1.0, 0.0), (0.0, 0.0)),
        human=HumanScores((), (), nearest=1),
        passages=PassageCalibration((1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), 0.5),
        thresholds={"fpr-5pct": nothing, "fpr-1pct": nothing},
    )


def _calibrate(bundle: Bundle, corpus: Any, config: FinetuneConfig, digest: str) -> Any:
    from train.calibrate import calibrate
    from train.scores import split_logits

    compute = split_logits(bundle, digest, config.output / "cache")
    return calibrate(compute, corpus, config.minimum_words, trained_before(config))


def _passages(bundle: Bundle, corpus: Any, config: FinetuneConfig) -> PassageCalibration:
    from model.document import DocumentReader
    from model.encoder import Encoder
    from train.passages import fit_passages

    seen = trained_before(config)
    splits = {name: without(corpus[name], seen) for name in ("calibration", "threshold")}
    reader = DocumentReader.from_file(bundle.tokenizer_file, config.maximum_tokens)
    compute = Encoder(bundle.encoder_file()).token_logits
    return fit_passages(splits, reader, compute, config.minimum_words)


def measure_parity(
    bundle: Bundle, source: Path, dev: Any, config: FinetuneConfig
) -> dict[str, Any]:
    """How far the exported graph is from the fp32 network, on evenly spaced dev texts."""
    from transformers import AutoModelForTokenClassification

    from model.calibration import machine_logit
    from model.document import DocumentReader, mean_logits
    from model.encoder import Encoder
    from model.labels import HUMAN
    from train.metrics.functions import auroc
    from train.network import NetworkTokenLogits

    rows = dev.select(range(0, len(dev), max(1, len(dev) // PARITY_TEXTS)))
    reader = DocumentReader.from_file(bundle.tokenizer_file, config.maximum_tokens)
    documents = [reader.read(text) for text in rows["text"]]
    network = AutoModelForTokenClassification.from_pretrained(
        source, use_safetensors=True, attn_implementation="eager"
    )
    pad_id = network.config.pad_token_id or 0
    machine = np.asarray([label != HUMAN for label in rows["label"]])
    words = np.asarray([document.words for document in documents])
    scores, areas = [], []
    for compute in (
        NetworkTokenLogits(network, pad_id, config.batch_tokens, bf16=False),
        Encoder(bundle.encoder_file()).token_logits,
    ):
        logits = np.stack([mean_logits(each) for each in reader.logits(documents, compute)])
        scores.append(bundle.manifest.calibration.score(logits, words))
        areas.append(auroc(machine, machine_logit(logits)).value)
    difference = np.abs(scores[0] - scores[1])
    return {
        "texts": len(documents),
        "auroc_network_fp32": areas[0],
        "auroc_onnx_int8": areas[1],
        "auroc_difference": abs(areas[0] - areas[1]),
        "largest_score_difference": float(difference.max()),
        "mean_score_difference": float(difference.mean()),
    }


def _provenance(config: FinetuneConfig, digest: str) -> dict[str, Any]:
    """Where the weights come from: resolved config, commit, data digest, versions."""
    packages = ("torch", "transformers", "tokenizers", "onnxruntime", "datasets", "numpy")
    return {
        "base_model": config.base_model or config.encoder,
        "data_digest": digest,
        "commit": _commit(),
        "config": config.model_dump(mode="json"),
        "trained_before": sorted(trained_before(config)),
        "versions": {name: version(name) for name in packages},
    }


def _commit() -> str:
    """The checkout's commit, marked where it had changes; empty outside a checkout."""
    here = Path(__file__).parent
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
