"""The encoder at work: windows of token ids in, logits for each token out.

Between reading a document and calibrating its score. Runs the bundle's ONNX graph, without
torch. Every window is a run of its own on one thread. The int8 graph derives its activation
scales from the whole input of a run, so a window's logits would change with the padding and
the neighbours of a batch; alone, they cannot. It costs nothing: a batch is no faster on a
CPU, and several windows at once use its cores better than several threads inside one window.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError, ConfigError
from model.labels import LABELS

if TYPE_CHECKING:
    import onnxruntime

TokenLogits: TypeAlias = Callable[[Sequence[Sequence[int]]], list[NDArray[np.float32]]]
"""What scores tokens: framed windows of T ids each in, one float32 [T - 2, 4] each out.

The two special tokens of the frame get no row. `Encoder.token_logits` is one; `train` has
another over the network in training, so that both share all that comes before and after.
"""

Device: TypeAlias = Literal["cpu", "cuda"]


class Encoder:
    """An ONNX encoder; safe to call from several threads at once."""

    def __init__(self, onnx_file: Path, device: Device = "cpu", threads: int | None = None) -> None:
        """Load the graph; `threads` is how many windows run at once, by default one per core.

        Raises ConfigError for a device that is not there, BundleError for a graph that is
        none.
        """
        self._session = _open_session(onnx_file, device)
        self._pool: ThreadPoolExecutor | None = None
        workers = threads if threads is not None else (_usable_cores() if device == "cpu" else 1)
        if workers < 1:
            raise ConfigError(f"threads is {workers}; use 1 or more")
        if workers > 1:
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="respun-encoder")

    def token_logits(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Logits of the content tokens of framed windows: [T] ids to float32 [T - 2, 4]."""
        if self._pool is None or len(windows) < 2:
            return [self._run(window) for window in windows]
        return list(self._pool.map(self._run, windows))

    def _run(self, window: Sequence[int]) -> NDArray[np.float32]:
        ids = np.asarray([window], dtype=np.int64)  # [1, T]
        outputs = self._session.run(
            ["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )
        logits: NDArray[np.float32] = outputs[0]  # [1, T, 4]
        return logits[0, 1:-1]


def _open_session(onnx_file: Path, device: Device) -> onnxruntime.InferenceSession:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors only: its warnings are not for users
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    providers = _providers(device)
    try:
        session = onnxruntime.InferenceSession(
            str(onnx_file), sess_options=options, providers=providers
        )
    except Exception as error:  # onnxruntime's own errors share no public base class
        reason = str(error).splitlines()[0]
        raise BundleError(f"{onnx_file}: not an encoder that can be run ({reason})") from error
    if session.get_providers()[0] != providers[0]:  # it falls back without an error
        raise ConfigError(
            "device cuda: onnxruntime found no CUDA that it can use; check the driver and the "
            "CUDA libraries, or use --device cpu"
        )
    if session.get_outputs()[0].shape[-1] not in (len(LABELS), None):
        raise BundleError(f"{onnx_file}: does not give {len(LABELS)} logits a token; export again")
    return session


def _providers(device: Device) -> list[str]:
    import onnxruntime

    if device == "cpu":
        return ["CPUExecutionProvider"]
    if device != "cuda":
        raise ConfigError(f"device {device!r} is unknown; use cpu or cuda")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise ConfigError(
            "device cuda: this onnxruntime has no CUDA; replace it with "
            "`pip install onnxruntime-gpu`, or use --device cpu"
        )
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
