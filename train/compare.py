"""What `serve.bench --compare` sets Respun beside: a pipeline of transformers, and the limit.

The pipeline is what one would write otherwise: `pipeline("text-classification")` over the
shipped weights in fp32 torch, an article cut into windows of the same length, their scores
averaged. Its pooler is not ours and untrained, so its scores mean nothing; its cost is that of
the same encoder. The limit is the rate of the encoder's own matrix products, and nothing else,
through the runtime that scores: no detector that computes them can be faster with it.

    python -m train.compare --article FILE            the pipeline, once, as a script would
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.errors import RespunError

_BATCHES = (1, 2, 4, 8, 16, 32)
_STARTS = 3
_PRODUCTS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m train.compare", description=__doc__)
    parser.add_argument("--article", metavar="FILE", help="score this one and end")
    parser.add_argument("--texts", type=Path, metavar="JSON", help="a list of texts to time")
    parser.add_argument("--model", metavar="DIR", help="a bundle other than the shipped one")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw figures that stdin gives")
    options = parser.parse_args(arguments)
    try:
        if options.plot:
            plot_latency(json.load(sys.stdin), options.plot)
        elif options.texts:
            texts = json.loads(options.texts.read_text(encoding="utf-8"))
            print(json.dumps(compare(texts, options.article, options.model)))
        elif options.article:
            print(score_article(options.article, options.model))
        else:
            parser.error("name an article, texts or a plot")
    except RespunError as error:
        print(f"train.compare: {error}", file=sys.stderr)
        return 1
    return 0


def compare(texts: Sequence[str], article: str, model: str | None) -> dict[str, Any]:
    """The pipeline's start, memory and throughput, and the limit of the runtime."""
    starts, memory = _starts(article, model)
    return {
        "pipeline": {
            "what": "transformers text-classification, fp32 torch, the same weights",
            "start_s": statistics.median(starts),
            "peak_memory_mb": memory,
            "batches": _throughput(texts, model),
        },
        "limit": _limit(model),
    }


def score_article(file: str, model: str | None) -> float:
    """The mean over an article's windows of the score of a label: what such a script prints."""
    classify, tokenizer, length = _pipeline(model)
    windows = _windows(Path(file).read_text(encoding="utf-8"), tokenizer, length)
    found = classify(windows, batch_size=8)
    return float(statistics.mean(result["score"] for result in found))


def _pipeline(model: str | None) -> tuple[Any, Any, int]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    from model.bundle import load_bundle
    from train.network import quiet_transformers

    quiet_transformers()
    bundle = load_bundle(model)
    network = AutoModelForSequenceClassification.from_pretrained(
        bundle.folder, dtype=torch.float32, use_safetensors=True
    )
    tokenizer = AutoTokenizer.from_pretrained(bundle.folder)
    length = bundle.manifest.max_tokens
    classify = pipeline(
        "text-classification",
        model=network,
        tokenizer=tokenizer,
        truncation=True,
        max_length=length + 2,
    )
    return classify, tokenizer, length


def _windows(text: str, tokenizer: Any, length: int) -> list[str]:
    """The text in pieces of at most `length` tokens, as even as ours."""
    from model.windows import cut_windows

    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    spans = offsets["offset_mapping"]
    return [text[spans[a][0] : spans[b - 1][1]] for a, b in cut_windows(len(spans), length)]


def _starts(article: str, model: str | None) -> tuple[list[float], float]:
    """Seconds from start to answer, of whole processes, and their peak memory in 10^6 bytes."""
    import resource
    import subprocess

    command = [sys.executable, "-m", "train.compare", "--article", article]
    command += ["--model", model] if model is not None else []
    times = []
    for _ in range(_STARTS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    unit = 1 if sys.platform == "darwin" else 1024
    return times, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6


def _throughput(texts: Sequence[str], model: str | None) -> list[dict[str, float]]:
    classify, tokenizer, length = _pipeline(model)
    windows = [piece for text in texts for piece in _windows(text, tokenizer, length)]
    tokens = sum(len(ids) for ids in tokenizer(windows, add_special_tokens=False)["input_ids"])
    rows = []
    for batch in _BATCHES:
        classify(windows[:batch], batch_size=batch)
        started = time.perf_counter()
        classify(windows, batch_size=batch)
        rows.append({"batch": batch, "tokens_per_s": tokens / (time.perf_counter() - started)})
    return rows


def _limit(model: str | None) -> dict[str, float]:
    """Operations a second of the encoder's products alone, on one core, in full windows."""
    from model.bundle import load_bundle

    bundle = load_bundle(model)
    config = json.loads((bundle.folder / "config.json").read_text(encoding="utf-8"))
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tokens = bundle.manifest.max_tokens + 2
    shapes = [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
    operations = sum(2 * tokens * rows * columns for rows, columns in shapes)
    attention = 2 * 2 * tokens * hidden  # scores and their use, for each token
    return {
        "operations_per_token": config["num_hidden_layers"] * (operations / tokens + attention),
        **{
            f"{kind}_operations_per_s": operations
            / sum(_product_seconds(kind, tokens, *shape) for shape in shapes)
            for kind in ("int8", "fp32")
        },
    }


def _product_seconds(kind: str, tokens: int, rows: int, columns: int) -> float:
    """The median time of one matrix product, [tokens, rows] by [rows, columns]."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    weights = generator.integers(-127, 128, (rows, columns)).astype(np.int8)
    given = generator.integers(0, 256, (tokens, rows)).astype(np.uint8)
    if kind == "int8":
        zero = numpy_helper.from_array(np.array(128, np.uint8), "zero")
        node = helper.make_node("MatMulInteger", ["given", "weights", "zero"], ["product"])
        constants, element = [numpy_helper.from_array(weights, "weights"), zero], TensorProto.UINT8
    else:
        node = helper.make_node("MatMul", ["given", "weights"], ["product"])
        constants = [numpy_helper.from_array(weights.astype(np.float32), "weights")]
        element, given = TensorProto.FLOAT, given.astype(np.float32)
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("given", element, [tokens, rows])],
        [
            helper.make_tensor_value_info(
                "product",
                TensorProto.INT32 if kind == "int8" else TensorProto.FLOAT,
                [tokens, columns],
            )
        ],
        constants,
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        whole.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    binding = session.io_binding()
    binding.bind_cpu_input("given", given)
    binding.bind_output("product")
    times = []
    for _ in range(_PRODUCTS):
        started = time.perf_counter()
        session.run_with_iobinding(binding)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def plot_latency(figures: dict[str, Any], path: Path) -> None:
    """Draw the latency that `serve.bench` measured against the length of a text."""
    from train.plots import latency_figure

    latency_figure(figures).savefig(path)


if __name__ == "__main__":
    sys.exit(main())
