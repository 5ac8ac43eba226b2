"""The date before which a text counts as human.

ChatGPT opened on 30 November 2022. No reader yields an article dated December 2022 or later
as human; one without a date is kept only in corpora that were collected before.
"""

from __future__ import annotations

import re

MACHINES_FROM = "2022-12"

# no digit before or after: long numbers in URLs are not dates
_YEAR_FIRST = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-/]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)"
)
_YEAR_LAST = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])/([12]\d|3[01]|0?[1-9])/((?:19|20)\d\d)(?!\d)")
_YEAR = re.compile(r"(?<![\d/-])(?:19|20)\d\d(?![\d/-])")


def is_before_machines(date: str) -> bool:
    """Whether an ISO date, or an unknown one (empty), precedes the first chat models."""
    return date < MACHINES_FROM


def iso_date(text: str) -> str:
    """The ISO date in YYYY-MM-DD, YYYYMMDD, M/D/YYYY or a bare year; empty if there is none."""
    if match := _YEAR_FIRST.search(text):
        return f"{match[1]}-{match[3]}-{match[4]}"
    if match := _YEAR_LAST.search(text):
        return f"{match[3]}-{match[1].zfill(2)}-{match[2].zfill(2)}"
    match = _YEAR.search(text)
    return match[0] if match else ""


def url_date(url: str) -> str:
    """The ISO date in the path of an article's address, as in /2019/11/04/; else empty."""
    date = iso_date(url)
    return date if len(date) > 4 else ""
