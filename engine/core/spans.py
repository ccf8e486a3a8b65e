"""Spans of years, as options and files write them."""

import re

from .errors import TivaxError


def parse_years(text: str) -> tuple[int, int] | None:
    """``FIRST:LAST``, ``FIRST-LAST`` or one year; nothing means all."""
    if not text:
        return None
    first, colon, last = re.sub(r"^(\d{4})-(\d{4})$", r"\1:\2", text).partition(":")
    try:
        years = int(first), int(last if colon else first)
    except ValueError:
        two = re.fullmatch(r"\s*(\d{4})\s*\D{1,4}\s*(\d{4})\s*", text)
        meant = f"{two[1]}:{two[2]}" if two else "2000:2014"
        raise TivaxError(
            f"years {text}: write FIRST:LAST, such as {meant}", argument="years"
        ) from None
    if years[0] > years[1]:
        raise TivaxError(
            f"years {text}: the first year is after the last", argument="years"
        )
    return years
