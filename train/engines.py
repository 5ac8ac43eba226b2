"""Ways to run one network on a CPU, side by side: how fast each is, and what it costs in quality.

What `train.export` ships was chosen by this table (`configs/engines.md`). Every row runs the same
weights, those in the bundle's safetensors, on one core, window by window unless it says otherwise;
what differs is the graph, how it was quantised, the runtime and its settings. Scores are compared
with those of the fp32 graph on the same dev texts, uncalibrated, so that what counts is the order.

    python -m train.engines --bundle model/checkpoint --data build/corpus

OpenVINO's rows need `pip install openvino`, and are left out without it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle
from model.calibration import machine_logit, sigmoid
from model.document import DocumentReader, mean_logits
from model.labels import HUMAN
from train.commands import Command, run

_TIMED_RUNS = 60
_CALIBRATION_WINDOWS = 64  # for static quantisation

Run = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Ids [B, T] to logits [B, T, 4]."""


@dataclass(frozen=True, slots=True)
class EnginesOptions:
    """What the command line asks for."""

    bundle: Path
    data: Path
    output: Path
    split: str = "dev"
    texts: int = 600


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to run the network: how it is started, and in what pieces a text is given to it."""

    name: str
    start: Callable[[], Run]
    max_tokens: int
    batch: int = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    return run(
        Command(
            module="train.engines",
            name="engines",
            description="Compare ways to run a bundle's network on one core.",
            options=EnginesOptions,
            measure=measure_engines,
            render=engines_table,
            texts="dev texts, half of them human",
        ),
        arguments,
    )


def measure_engines(options: EnginesOptions) -> dict[str, Any]:
    """Start, time and score every engine; returns the report."""
    from train.corpus import corpus_digest, open_corpus, split_of
    from train.develop import sample

    bundle = load_bundle(options.bundle)
    rows = split_of(open_corpus(options.data), options.split)
    rows = rows.select(sample(rows["label"], options.texts))
    machine = np.asarray([label != HUMAN for label in rows["label"]])
    found: list[dict[str, Any]] = []
    reference: NDArray[np.float64] | None = None
    with tempfile.TemporaryDirectory(prefix="respun-engines-") as scratch:
        for engine in _engines(bundle, Path(scratch), rows["text"]):
            row, scores = _measure(engine, bundle, rows["text"], machine)
            if reference is None:
                reference = scores
            distance = np.abs(scores - reference)
            row |= {"mean_distance": distance.mean(), "largest_distance": distance.max()}
            found.append({name: _plain(value) for name, value in row.items()})
            print(found[-1], file=sys.stderr)
    return {
        "bundle": {"name": bundle.manifest.name, "sha256": bundle.sha256},
        "data_digest": corpus_digest(options.data),
        "split": options.split,
        "texts": len(rows),
        "engines": found,
    }


def _measure(
    engine: Engine, bundle: Bundle, texts: Sequence[str], machine: NDArray[np.bool_]
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    from train.metrics.functions import auroc

    started = time.perf_counter()
    compute = engine.start()
    load = time.perf_counter() - started
    generator = np.random.default_rng(0)
    words = json.loads((bundle.folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    ids = generator.integers(0, words, (engine.batch, engine.max_tokens + 2))
    times = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        compute(ids)
        times.append(time.perf_counter() - started)
    reader = DocumentReader.from_file(bundle.tokenizer_file, engine.max_tokens)

    def token_logits(windows: Any) -> list[NDArray[np.float32]]:
        return [compute(np.asarray([window]))[0, 1:-1] for window in windows]

    documents = (reader.read(text) for text in texts)
    logits = np.stack([mean_logits(each) for each in reader.logits(documents, token_logits)])
    scores = np.asarray(sigmoid(machine_logit(logits)))
    row = {
        "name": engine.name,
        "tokens_per_s": engine.batch * engine.max_tokens / median(times[5:]),
        "load_s": load,
        "auroc": auroc(machine, scores).value,
    }
    return row, scores


def _engines(bundle: Bundle, scratch: Path, texts: Sequence[str]) -> Iterator[Engine]:
    import torch
    from transformers import AutoModelForTokenClassification

    from train.export import fuse, quantise, quantise_weights, write_onnx
    from train.network import quiet_transformers

    quiet_transformers()
    network = AutoModelForTokenClassification.from_pretrained(
        bundle.folder, use_safetensors=True, attn_implementation="eager", dtype=torch.float32
    ).eval()
    length = bundle.manifest.max_tokens
    full, fused, old = scratch / "full.onnx", scratch / "fused.onnx", scratch / "old.onnx"
    write_onnx(network, full)
    fuse(full, fused, network.config)
    _fuse_by_default(full, old, network.config)
    yield Engine("fp32", lambda: _session(fused), length)
    yield Engine("fp32, mask and layer norm fused", lambda: _session(old), length)
    dynamic = scratch / "dynamic.onnx"
    quantise_weights(old, dynamic)
    yield Engine("int8, mask and layer norm fused (0.3.0)", lambda: _session(dynamic), length)
    shipped = scratch / "shipped.onnx"
    quantise(fused, shipped)
    yield Engine("**int8, no mask, plain layer norm (shipped)**", lambda: _session(shipped), length)
    yield Engine("the same, optimised at every start", lambda: _session(shipped, True), length)
    yield Engine("the same, eight windows a batch", lambda: _session(shipped), length, 8)
    yield Engine("the same, two threads in a window", lambda: _session(shipped, threads=2), length)
    yield Engine("the same, windows half as long", lambda: _session(shipped), length // 2)
    whole = scratch / "per-tensor.onnx"
    quantise_weights(fused, whole, per_channel=False)
    yield Engine("int8, one scale a tensor", lambda: _session(whole), length)
    products = scratch / "products.onnx"
    quantise_weights(fused, products, op_types_to_quantize=["MatMul"])
    yield Engine("int8, embeddings in fp32", lambda: _session(products), length)
    static = scratch / "static.onnx"
    _quantise_static(fused, static, bundle, texts[:_CALIBRATION_WINDOWS])
    yield Engine("int8, static scales", lambda: _session(static, True), length)
    if find_spec("openvino"):
        for precision in ("f32", "bf16"):
            yield Engine(f"OpenVINO, {precision}", partial(_openvino, full, precision), length)
        yield Engine("OpenVINO, int8, static scales", lambda: _openvino(static, "f32"), length)
    network.bert.encoder.layer = network.bert.encoder.layer[:-1]
    write_onnx(network, full)
    fuse(full, fused, network.config)
    pruned = scratch / "pruned.onnx"
    quantise(fused, pruned)
    yield Engine("shipped, without its last layer", lambda: _session(pruned), length)


def _fuse_by_default(full: Path, target: Path, encoder: Any) -> None:
    from onnxruntime.transformers import optimizer

    fused = optimizer.optimize_model(
        str(full),
        model_type="bert",
        num_heads=encoder.num_attention_heads,
        hidden_size=encoder.hidden_size,
    )
    fused.save_model_to_file(str(target))


def _quantise_static(source: Path, target: Path, bundle: Bundle, texts: Sequence[str]) -> None:
    """Scales of products' inputs from the first window of each text."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    reader = DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)

    class Windows(CalibrationDataReader):  # type: ignore[misc]  # it ships no types
        def __init__(self) -> None:
            self._left = [reader.frames(reader.read(text))[0] for text in texts]

        def get_next(self) -> dict[str, NDArray[np.int64]] | None:
            return {"input_ids": np.asarray([self._left.pop()])} if self._left else None

    quantize_static(
        str(source),
        str(target),
        Windows(),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def _session(graph: Path, optimise: bool | None = None, threads: int = 1) -> Run:
    """A graph in onnxruntime; by default it is optimised but for the one that already is."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False
    if optimise is None:
        optimise = not graph.with_name(graph.name + "_data").exists()
    if not optimise:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def compute(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        feed = {name: ids if name == "input_ids" else np.ones_like(ids) for name in names}
        logits: NDArray[np.float32] = session.run(["logits"], feed)[0]
        return logits

    return compute


def _openvino(graph: Path, precision: str) -> Run:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": precision,
    }
    core = openvino.Core()
    request = core.compile_model(core.read_model(str(graph)), "CPU", settings)
    request = request.create_infer_request()
    names = [given.any_name for given in request.model_inputs]

    def compute(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        feed = {name: ids if name == "input_ids" else np.ones_like(ids) for name in names}
        logits: NDArray[np.float32] = request.infer(feed)[request.model_outputs[0]].copy()
        return logits

    return compute


def engines_table(report: dict[str, Any]) -> str:
    """The report as a Markdown table."""
    lines = [
        f"{report['bundle']['name']} `{report['bundle']['sha256'][:12]}`, one core, "
        f"{report['texts']} texts of {report['split']}",
        "",
        "| engine | tokens a second | load, s | AUROC | mean distance from fp32 | largest |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["engines"]:
        lines.append(
            f"| {row['name']} | {row['tokens_per_s']:,.0f} | {row['load_s']:.2f} "
            f"| {row['auroc']:.4f} | {row['mean_distance']:.4f} | {row['largest_distance']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else value


if __name__ == "__main__":
    sys.exit(main())
