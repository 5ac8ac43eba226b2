"""JSON as the service answers it, and a refusal for tools that have no shape for one."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from serve.http.errors import ServiceError


class JsonAnswer(JSONResponse):
    """JSON in ASCII alone: ids and tokens that a client sends may hold lone surrogates.

    UTF-8 cannot carry those, and JSON can, as escapes.
    """

    def render(self, content: Any) -> bytes:
        """The answer's body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class PlainRefusal(BaseModel):
    """What a refusal says."""

    error: str = Field(description="One line for a person")


def plain_refusal(error: ServiceError) -> dict[str, object]:
    """An error in one line; the tools show or log it."""
    return PlainRefusal(error=str(error)).model_dump()
