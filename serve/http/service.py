"""What every route needs, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serve.http.feedback import FeedbackStore
    from serve.http.metrics import Metrics
    from serve.http.queue import ScoringQueue
    from serve.http.settings import Settings
    from serve.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its settings, its scorer, the queue in front of it, its counters.

    `scorer` is for facts about the model alone; texts are scored through `queue`.
    """

    settings: Settings
    scorer: Scorer
    queue: ScoringQueue
    metrics: Metrics
    feedback: FeedbackStore
