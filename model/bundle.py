"""The bundle on disk: a folder of weights and the manifest that pins what they mean.

Written by `train`, read by `serve`. The folder keeps the layout that the ecosystem's own
loaders read; `respun.json` beside it pins labels, normaliser, windows, calibration,
thresholds and a sha256 per file. Weights are data only, never pickle.

The sha256 that names a model in results is that of its int8 weights, so that anyone can
check it with `sha256sum`. They lie beside their graph and not in it, so that they are mapped
into memory and several processes share them. On loading only the files that scoring reads
are hashed, which costs milliseconds; `verify_all` checks the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from model.calibration import Calibration, HumanScores
from model.encoder import Device
from model.errors import BundleError
from model.labels import LABELS
from model.passages import PassageCalibration
from model.policies import DEFAULT_POLICY, POLICY_RATES, UNCERTAIN_POLICY, Threshold
from model.text import NORMALIZER_VERSION

SCHEMA = 4
MANIFEST_FILE = "respun.json"
ONNX_FILE = "onnx/model_quantized.onnx"
WEIGHTS_FILE = "onnx/model_quantized.onnx_data"
TOKENIZER_FILE = "tokenizer.json"
GPU_FILE = "model_fp16.onnx"
GPU_WEIGHTS_FILE = "model.safetensors"
SCORING_FILES: Mapping[Device, tuple[str, ...]] = {
    "cpu": (ONNX_FILE, WEIGHTS_FILE, TOKENIZER_FILE),
    "cuda": (GPU_FILE, GPU_WEIGHTS_FILE, TOKENIZER_FILE),
}
"""What is read to score on a device. The fp16 graph's weights are the safetensors themselves."""
DEFAULT_FOLDER = Path(__file__).parent / "checkpoint"
"""The bundle that ships with the code."""

# The card quotes results and the weights' hash: it is written last, and pins nothing.
_UNPINNED = (MANIFEST_FILE, "README.md")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `respun.json` says; `training`, `measured` and `parity` are records for people."""

    name: str
    version: str
    max_tokens: int
    minimum_words: int
    calibration: Calibration
    human: HumanScores
    passages: PassageCalibration
    thresholds: dict[str, Threshold]
    training: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def line(self, policy: str, words: int) -> float:
        """The score that a text of `words` words must reach to be flagged under a policy.

        The promise is kept among articles of like length, so that it holds for briefs, which
        score higher, and long articles are not judged by the briefs' line.
        """
        return self.human.line(POLICY_RATES[policy], words, self.thresholds[policy].value)

    def lines(self, policy: str) -> list[tuple[int, float]]:
        """Every such line: the words from which it holds, and the score."""
        return self.human.lines(POLICY_RATES[policy], self.thresholds[policy].value)

    def to_dict(self) -> dict[str, Any]:
        """The manifest as it stands in the file; schema, labels and normaliser are this code's."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "labels": list(LABELS),
            "normalizer": NORMALIZER_VERSION,
            "windows": {"max_tokens": self.max_tokens},
            "minimum_words": self.minimum_words,
            "calibration": {
                "slope": list(self.calibration.slope),
                "intercept": list(self.calibration.intercept),
            },
            "human": {
                "nearest": self.human.nearest,
                "words": list(self.human.words),
                "scores": list(self.human.scores),
            },
            "passages": asdict(self.passages),
            "thresholds": {
                policy: {
                    "value": threshold.value,
                    "humans": threshold.humans,
                    "flagged": threshold.flagged,
                    "interval": list(threshold.interval),
                }
                for policy, threshold in self.thresholds.items()
            },
            "training": self.training,
            "measured": self.measured,
            "parity": self.parity,
            "files": self.files,
        }


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was loaded: where it lies and what its manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def sha256(self) -> str:
        """The digest that names these weights: that of their int8 file."""
        return self.manifest.files[WEIGHTS_FILE]

    def encoder_file(self, device: Device = "cpu") -> Path:
        """The graph that scores on a device."""
        return self.folder / SCORING_FILES[device][0]

    @property
    def tokenizer_file(self) -> Path:
        """The tokenizer, in the format of the `tokenizers` library."""
        return self.folder / TOKENIZER_FILE


def load_bundle(
    folder: str | os.PathLike[str] | None = None, verify: bool = True, device: Device = "cpu"
) -> Bundle:
    """Read a bundle, by default the one that ships with the code.

    Raises BundleError where the folder or a file is missing, the manifest is damaged or
    from an unknown version, or, with `verify`, a file that scoring reads was altered.
    """
    path = DEFAULT_FOLDER if folder is None else Path(folder)
    bundle = Bundle(path, _read_manifest(path))
    for name in SCORING_FILES[device]:
        _check_file(bundle, name, verify)
    return bundle


def verify_all(bundle: Bundle) -> None:
    """Check every file that the manifest pins; raises BundleError at the first that differs."""
    for name in bundle.manifest.files:
        _check_file(bundle, name, verify=True)


def write_manifest(folder: str | os.PathLike[str], manifest: Manifest) -> Manifest:
    """Pin every file in the folder by its sha256, write `respun.json`, return what it says.

    All files but the card and the manifest itself are pinned, so write them first.
    """
    path = Path(folder)
    pinned = replace(manifest, files={name: _sha256(path / name) for name in _file_names(path)})
    text = json.dumps(pinned.to_dict(), indent=1, ensure_ascii=False) + "\n"
    temporary = path / (MANIFEST_FILE + ".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path / MANIFEST_FILE)
    return pinned


def parse_manifest(values: dict[str, Any]) -> Manifest:
    """Build a manifest from the JSON object; raises BundleError where this code cannot use it."""
    _expect(values, "schema", SCHEMA)
    _expect(values, "normalizer", NORMALIZER_VERSION)
    _expect(values, "labels", list(LABELS))
    try:
        manifest = _build(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(
            f"{MANIFEST_FILE} is incomplete or damaged ({type(error).__name__}: {error}); "
            "restore the bundle or export it again"
        ) from error
    _check_records(manifest)
    return manifest


def _build(values: dict[str, Any]) -> Manifest:
    calibration, human, passages = values["calibration"], values["human"], values["passages"]
    return Manifest(
        name=str(values["name"]),
        version=str(values["version"]),
        max_tokens=int(values["windows"]["max_tokens"]),
        minimum_words=int(values["minimum_words"]),
        calibration=Calibration(_pair(calibration["slope"]), _pair(calibration["intercept"])),
        human=HumanScores(
            tuple(int(count) for count in human["words"]),
            tuple(float(score) for score in human["scores"]),
            int(human["nearest"]),
        ),
        passages=PassageCalibration(
            **{name: _pair(passages[name]) for name in ("own", "beside", "whole", "intercept")},
            threshold=float(passages["threshold"]),
        ),
        thresholds={
            str(policy): Threshold(
                value=float(entry["value"]),
                humans=int(entry["humans"]),
                flagged=int(entry["flagged"]),
                interval=_pair(entry["interval"]),
            )
            for policy, entry in values["thresholds"].items()
        },
        training=dict(values.get("training", {})),
        measured=dict(values.get("measured", {})),
        parity=dict(values.get("parity", {})),
        files={str(name): str(digest) for name, digest in values["files"].items()},
    )


def _pair(values: Any) -> tuple[float, float]:
    first, second = values
    return float(first), float(second)


def _expect(values: dict[str, Any], key: str, known: object) -> None:
    found = values.get(key)
    if found != known:
        raise BundleError(
            f"{MANIFEST_FILE} has {key} {found!r}, and this version knows only {known!r}; "
            "install the version of respun that wrote the bundle, or export it again"
        )


def _check_records(manifest: Manifest) -> None:
    """Refuse records that would score without an error, and wrongly."""
    human = manifest.human
    problems = {
        "windows.max_tokens is not positive": manifest.max_tokens < 1,
        "human.nearest is not positive": human.nearest < 1,
        "human.words and human.scores differ in number": len(human.words) != len(human.scores),
        "human.words are not sorted": list(human.words) != sorted(human.words),
        f"thresholds lack {DEFAULT_POLICY} or {UNCERTAIN_POLICY}": not (
            {DEFAULT_POLICY, UNCERTAIN_POLICY} <= manifest.thresholds.keys()
        ),
        "files lack what scoring reads": not set(SCORING_FILES["cpu"]) <= manifest.files.keys(),
    }
    for problem, found in problems.items():
        if found:
            raise BundleError(f"{MANIFEST_FILE}: {problem}; export the bundle again")


def _read_manifest(folder: Path) -> Manifest:
    if not folder.is_dir():
        raise BundleError(
            f"{folder}: no such bundle folder; name a folder that holds {MANIFEST_FILE}, "
            "or reinstall respun to get its own"
        )
    try:
        text = (folder / MANIFEST_FILE).read_text(encoding="utf-8")
        values = json.loads(text)
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder}: holds no {MANIFEST_FILE}; name a folder that a bundle was exported to"
        ) from error
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{folder / MANIFEST_FILE}: cannot be read ({error}); restore the bundle"
        ) from error
    if not isinstance(values, dict):
        raise BundleError(f"{folder / MANIFEST_FILE}: is not a JSON object; restore the bundle")
    try:
        return parse_manifest(values)
    except BundleError as error:
        raise BundleError(f"{folder}: {error}") from error


def _check_file(bundle: Bundle, name: str, verify: bool) -> None:
    path = bundle.folder / name
    if not path.is_file():
        raise BundleError(f"{path}: missing from the bundle; restore it or export it again")
    try:
        altered = verify and _sha256(path) != bundle.manifest.files[name]
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    if altered:
        raise BundleError(
            f"{path}: differs from the sha256 in {MANIFEST_FILE}; restore the file, "
            "do not score with it"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in _UNPINNED:
            yield name
