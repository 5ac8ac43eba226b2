"""Scoring news articles: `from serve import Scorer`.

    Scorer.load().score([text, ...]) -> list[Result]

Importing this package imports nothing heavy; `Scorer.load` does.
"""

from __future__ import annotations

from model.errors import BundleError, ConfigError, InputError, RespunError
from model.result import Result
from serve.scorer import Scorer

__all__ = ["BundleError", "ConfigError", "InputError", "RespunError", "Result", "Scorer"]
