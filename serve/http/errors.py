"""What the service refuses, in one type; each adapter words it as its clients expect.

A `ServiceError` is raised wherever a request fails, and shaped in one place, by the path that
it came in on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from model.errors import RespunError

Kind: TypeAlias = Literal[
    "invalid",  # 400: the request is not what the shape asks for
    "unauthorized",  # 401: no key, or none that is known
    "not_found",  # 404
    "wrong_method",  # 405
    "too_large",  # 413: the body, the number of texts, or a text
    "too_many_requests",  # 429: this key asks too often
    "overloaded",  # 429: the queue is full
    "internal",  # 500: our own fault
    "stopping",  # 503: the service shuts down
    "deadline",  # 504: not scored in time
]

STATUS: Mapping[Kind, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "not_found": 404,
    "wrong_method": 405,
    "too_large": 413,
    "too_many_requests": 429,
    "overloaded": 429,
    "internal": 500,
    "stopping": 503,
    "deadline": 504,
}


class ServiceError(RespunError):
    """A request that is refused: its kind, one line for people, and what was at fault.

    `where` is the field of the request, as in `texts.3.text`; `retry_after` is in seconds.
    """

    def __init__(
        self, kind: Kind, message: str, where: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.where = where
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status that its kind stands for."""
        return STATUS[self.kind]
