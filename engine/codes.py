"""Region codes: one spelling for each region, whatever the database writes."""

from tivax.engine.countries import countries

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
