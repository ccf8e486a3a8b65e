"""Editions and definitions of the data: those of the files, and the paper's."""

import pandas as pd

import tivax as tx

from .columns import CONTROLS, OUTCOMES, SAMPLES, sample

CHOICES = ("KOF", "PWT", "WGI", "2001", "exchange rate", "inflation")


def is_identified(files: tx.DataFiles) -> bool:
    """True if editions and recipe are those that were found to reproduce the paper."""
    return (
        (files.kof.name, files.pwt.name) == ("2018", "9.0")
        and files.wgi.name in ("2017", "2018", "2019", "2020")  # equal until 2014
        and files.fill_2001 == "mean-1996-2014"
        and files.inflation_source == "wdi"
        and list(files.inflation_override) == ["GBR"]
        and (files.codes, list(files.drop)) == ("paper", [])
        and files.years == (2000, 2014)
    )


# The index agrees with the printed one where Table 1 is met within these, on average
# and at most: the reconstructed years miss it by 0.0008 and 0.0146.
_INDEX_GAPS = (0.005, 0.03)
_PAPER_ROWS = {"all": 615, "developed": 330, "developing": 285}


def other_than_the_papers(
    files: tx.DataFiles, frame: pd.DataFrame, table_1: pd.DataFrame
) -> list[str]:
    """List in words the differences of these data from the paper's; empty for none.

    Editions and recipe as identified, 41 countries x 15 years = 615 complete rows (330
    and 285), and an index that is the printed one where Table 1 prints it.
    """
    notes = []
    if not is_identified(files):
        notes.append("editions, recipe or years are not those identified as its own")
    complete = frame.dropna(subset=["TBI", *OUTCOMES, *CONTROLS])
    rows = {group: len(sample(complete, group)) for group in SAMPLES}
    if rows != _PAPER_ROWS:
        notes.append(
            f"{rows['all']} complete rows ({rows['developed']} developed, "
            f"{rows['developing']} developing) in place of 615 (330, 285)"
        )
    gaps = table_1["difference"].abs()
    missing = int(gaps.isna().sum())
    if missing:
        notes.append(f"the index lacks {missing} of the {len(gaps)} values of Table 1")
    elif gaps.mean() > _INDEX_GAPS[0] or gaps.max() > _INDEX_GAPS[1]:
        notes.append(
            f"the index misses Table 1 by {gaps.mean():.4f} on average and "
            f"{gaps.max():.4f} at most"
        )
    return notes
