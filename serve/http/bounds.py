"""How many items a request may hold, checked before any of them is looked at.

pydantic makes an object of every item that is right and keeps an error for every one that is
wrong, and both outweigh what was sent many times over. So what has too many is refused unread,
and a list at its first wrong item. How many texts a service really takes is a setting, which no
shape knows; the queue holds every request to it before it looks at a text.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BeforeValidator, FailFast
from pydantic_core import PydanticCustomError

from serve.http.settings import MOST_TEXTS

TOO_MANY = "too_many"
"""The type of the error, which is answered as too large."""

Item = TypeVar("Item")


def refuse_many(value: object) -> object:
    """Raise for a list or an object of more than MOST_TEXTS items; give back anything else."""
    if isinstance(value, list | dict) and len(value) > MOST_TEXTS:
        raise PydanticCustomError(
            TOO_MANY, f"{len(value):,} items, and {MOST_TEXTS:,} are the most; send fewer at once"
        )
    return value


Bounded: TypeAlias = Annotated[list[Item], FailFast(), BeforeValidator(refuse_many)]
"""A list of a request."""

BoundedMap: TypeAlias = Annotated[dict[str, Item], BeforeValidator(refuse_many)]
"""An object of a request whose names are the client's own."""
