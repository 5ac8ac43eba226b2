"""The one result schema, for command line, library, service and batch alike.

The end of the scoring path. A result of a text that was not scored (`too_short`,
`unsupported_language`) has the same fields, null where a score would have filled them, and
`reason` says why. No number is rounded here: rounding is for whoever prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from model.passages import Passage
    from model.signals import Signal

Verdict: TypeAlias = Literal["human", "uncertain", "machine", "too_short", "unsupported_language"]
TextId: TypeAlias = str | int
"""A caller's name for a text; JSON lines may name theirs by number."""


@dataclass(frozen=True, slots=True)
class ThresholdUsed:
    """The threshold that a verdict was reached with: its policy and the score it stands for.

    A policy's score depends on the length of the text, see `Manifest.line`. Passages are
    marked from a score of their own on, whatever the policy.
    """

    policy: str
    value: float
    passages: float


@dataclass(frozen=True, slots=True)
class ModelName:
    """The weights that scored: name, version, and sha256 of `onnx/model_quantized.onnx_data`."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Result:
    """What is known about one text.

    `score` is the calibrated probability that a machine made it; `p_human` the share of
    human articles of like length that score at least as high; `kinds` the probabilities of
    the four labels; `machine_share` the share of words in passages that are marked, those that
    score `threshold.passages` or more. `passages` (filled when asked for) and `signals` hold
    character offsets into the text as given; a signal's `human_share` and `machine_share` are
    the shares of news articles that show it, None where the bundle has none measured.
    """

    id: TextId
    score: float | None
    verdict: Verdict
    p_human: float | None
    kinds: dict[str, float] | None
    machine_share: float | None
    passages: tuple[Passage, ...]
    signals: tuple[Signal, ...]
    words: int
    tokens: int
    windows: int
    language: str | None
    threshold: ThresholdUsed
    model: ModelName
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            "id": self.id,
            "score": self.score,
            "verdict": self.verdict,
            "p_human": self.p_human,
            "kinds": self.kinds,
            "machine_share": self.machine_share,
            "passages": [
                {"start": passage.start, "end": passage.end, "score": passage.score}
                for passage in self.passages
            ],
            "signals": [
                {
                    "name": signal.name,
                    "explanation": signal.explanation,
                    "human_share": signal.human_share,
                    "machine_share": signal.machine_share,
                    "count": signal.count,
                    "offsets": [{"start": start, "end": end} for start, end in signal.spans],
                }
                for signal in self.signals
            ],
            "words": self.words,
            "tokens": self.tokens,
            "windows": self.windows,
            "language": self.language,
            "threshold": {
                "policy": self.threshold.policy,
                "value": self.threshold.value,
                "passages": self.threshold.passages,
            },
            "model": {
                "name": self.model.name,
                "version": self.model.version,
                "sha256": self.model.sha256,
            },
            "reason": self.reason,
        }
