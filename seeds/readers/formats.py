"""Bytes of an archive's file to rows: the CSV and JSON that the readers share.

The one choice: files are decoded strictly as UTF-8, so that a damaged archive is an error
and not a corpus full of replacement characters.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

# a whole article can stand in one field; the csv module's own limit is 131,072 characters
MAX_FIELD_CHARACTERS = 2**24


def csv_rows(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file with a header; a field that a short row lacks is empty."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), restval=""))


def json_value(content: bytes) -> Any:
    """The value of a JSON file."""
    return json.loads(content.decode("utf-8"))
