"""The encoder at work: windows of token ids in, logits for each token out.

Between reading a document and calibrating its score. Runs the bundle's ONNX graphs, without
torch; everything that scores goes through here.

On a CPU every window is a run of its own on one thread. The int8 graph derives its activation
scales from the whole input of a run, so a window's logits would change with the padding and
the neighbours of a batch; alone, they cannot. It costs nothing: a batch is no faster on a
CPU, and several windows at once use its cores better than several threads inside one window.
A GPU wants batches: its fp16 graph takes a mask, and its logits change in the fourth digit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError, ConfigError
from model.labels import LABELS
from model.windows import run_in_batches

if TYPE_CHECKING:
    import onnxruntime

# onnxruntime notes its use in the home folder and reports it to its maker. A scorer that asks
# nobody for anything must forbid that before the first import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

TokenLogits: TypeAlias = Callable[[Iterable[Sequence[int]]], Iterable[NDArray[np.float32]]]
"""What scores tokens: framed windows of T ids each in, one float32 [T - 2, 4] each out.

The two special tokens of the frame get no row. All windows are taken before it returns, and
its rows may come later. `Encoder.token_logits` is one; `train` has another over the network
in training, so that both share all that comes before and after.
"""

Device: TypeAlias = Literal["cpu", "cuda"]

_BATCH_TOKENS = 65_536
"""Padded tokens in a batch for a GPU."""
_PAD_ID = 0  # masked, so any token will do


class Encoder:
    """An ONNX encoder; safe to call from several threads at once."""

    def __init__(self, onnx_file: Path, device: Device = "cpu", threads: int | None = None) -> None:
        """Load the graph; `threads` is how many windows run at once, by default one per core.

        Raises ConfigError for a device that is not there, BundleError for a graph that is
        none.
        """
        self._session = _open_session(onnx_file, device)
        self._in_batches = len(self._session.get_inputs()) > 1
        self._pool: ThreadPoolExecutor | None = None
        workers = threads if threads is not None else (usable_cores() if device == "cpu" else 1)
        if workers < 1:
            raise ConfigError(f"threads is {workers}; use 1 or more")
        if workers > 1:
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="respun-encoder")

    def token_logits(self, windows: Iterable[Sequence[int]]) -> Iterator[NDArray[np.float32]]:
        """Logits of the content tokens of framed windows: [T] ids to float32 [T - 2, 4].

        While the caller's iterable gives the next window, those before it are at work.
        """
        if self._in_batches:
            return iter(run_in_batches(list(windows), _BATCH_TOKENS, _PAD_ID, self._run_batch))
        if self._pool is None:
            return iter([self._run(window) for window in windows])
        return self._pool.map(self._run, windows)

    def _run(self, window: Sequence[int]) -> NDArray[np.float32]:
        ids = np.asarray([window], dtype=np.int64)  # [1, T]
        logits: NDArray[np.float32] = self._session.run(["logits"], {"input_ids": ids})[0]
        return logits[0, 1:-1]

    def _run_batch(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        feed = {"input_ids": ids, "attention_mask": mask}
        logits: NDArray[np.float32] = self._session.run(["logits"], feed)[0]  # [B, T, 4]
        return logits


def check_device(device: str) -> None:
    """Raise ConfigError for a device that is none."""
    if device not in get_args(Device):
        raise ConfigError(f"device {device!r} is unknown; use {' or '.join(get_args(Device))}")


def _open_session(onnx_file: Path, device: Device) -> onnxruntime.InferenceSession:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # where another imported it before
    onnxruntime.set_default_logger_severity(3)  # errors only: its warnings are not for users
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it plans for one shape, and each window has its own
    if device == "cpu":
        # The graph was optimised at export; doing it again takes longer than scoring.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    check_device(device)
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
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise ConfigError(
            "device cuda: this onnxruntime has no CUDA; replace it with "
            "`pip install onnxruntime-gpu`, or use --device cpu"
        )
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
