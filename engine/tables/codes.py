"""Region codes: one spelling for each region, whatever the database writes."""

import unicodedata
from collections.abc import Iterable

from ..core import TivaxError
from .countries import countries

# What the files of the table databases write -> the code tivax keeps
# (ISO 3166-1 alpha-3, and ROW for the rest of the world).
CODES = {"RoW": "ROW", "xROW": "ROW", "ROM": "ROU", "NDL": "NLD"}


def normalise(codes) -> tuple[str, ...]:
    """Region codes in the spelling of tivax: ROW, ROU, NLD.

    A country's code in lower or mixed case (``usa``, ``Aut``) becomes that country's;
    codes of no country stay as they are.
    """
    return tuple(_spelled(str(code).strip()) for code in codes)


def _spelled(code: str) -> str:
    for one in (code, code.upper()):
        one = CODES.get(one, one)
        if one in countries():
            return one
    return code


# Letters of a label; the longest of a published table has 120.
_LONGEST = 200


def require_labels(labels: Iterable[str], what: str) -> None:
    """Raise ``TivaxError`` where a label is empty, very long, or holds a line break.

    ``what`` begins the message, such as ``groups.toml: group``.
    """
    for label in labels:
        if not label.strip():
            raise TivaxError(f"{what}: a name is empty")
        if len(label) > _LONGEST:
            raise TivaxError(
                f"{what} {label[:20]}...: a name of {len(label):,} letters, at most "
                f"{_LONGEST} are read"
            )
        if any(unicodedata.category(k) in ("Cc", "Cs", "Zl", "Zp") for k in label):
            raise TivaxError(f"{what} {label}: a name with a control character")
