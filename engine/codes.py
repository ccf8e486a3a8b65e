"""Region codes: one spelling for each region, whatever the database writes."""

# What the files of the table databases write -> the code tivax keeps
# (ISO 3166-1 alpha-3, and ROW for the rest of the world).
CODES = {"RoW": "ROW", "xROW": "ROW", "ROM": "ROU", "NDL": "NLD"}


def normalise(codes) -> tuple[str, ...]:
    """Region codes in the spelling of tivax: ROW, ROU, NLD."""
    return tuple(CODES.get(str(code).strip(), str(code).strip()) for code in codes)
