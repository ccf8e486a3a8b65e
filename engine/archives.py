"""What there is to download: the official archives of each database.

To add a database, add rows to ``ARCHIVES``; ``engine.fetch`` does the rest.
"""

from dataclasses import dataclass

from tivax.engine.errors import TivaxError


@dataclass(frozen=True)
class Archive:
    """One file that an institute publishes.

    Attributes
    ----------
    url, page
        Official address, and the page a person downloads it from.
    name
        File name to save it under; no two archives share one.
    size, sha1
        Bytes and checksum, None where nobody has written them down.
    contents
        One sentence.
    licence, citation
        What its users must respect and cite.
    """

    url: str
    page: str
    name: str
    contents: str
    licence: str
    citation: str
    size: int | None = None
    sha1: str | None = None

    @property
    def is_zip(self) -> bool:
        """An xlsx workbook is a zip archive too."""
        return self.name.endswith((".zip", ".xlsx"))


_DATAVERSE = "https://dataverse.nl/api/access/datafile/"
_WIOD = "https://www.rug.nl/ggdc/valuechain/"
_TIMMER_2015 = (
    "Timmer, Dietzenbacher, Los, Stehrer and de Vries (2015), "
    "Review of International Economics 23(3): 575-605"
)


def _wiod2016(id: int, name: str, contents: str, **known) -> Archive:
    return Archive(
        url=f"{_DATAVERSE}{id}",
        page=f"{_WIOD}wiod/wiod-2016-release?lang=en",
        name=name,
        contents=contents,
        licence="CC BY 4.0",
        citation=f"{_TIMMER_2015}; doi:10.34894/PJ2M1C",
        **known,
    )


def _wiod2013(id: int, name: str, contents: str, **known) -> Archive:
    return Archive(
        url=f"{_DATAVERSE}{id}",
        page=f"{_WIOD}wiod/wiod-2013-release?lang=en",
        name=name,
        contents=contents,
        licence="CC BY 4.0",
        citation=_TIMMER_2015,
        **known,
    )


# Sizes and checksums were taken down by people who had the files; a dash in the
# project's notes is None here. The first format of a source is its default. Both
# releases call their Excel archive WIOTS_in_EXCEL.zip: the names here differ.
ARCHIVES: dict[str, dict[str, Archive]] = {
    "wiod2016": {
        "r": _wiod2016(
            199101,
            "WIOTS_in_R.zip",
            "World tables 2000-2014 as 15 R data frames, full precision.",
            size=641_578_409,
            sha1="51efc2a6c0358cff485e24d6b4b96ffe27f4e23a",
        ),
        "stata": _wiod2016(
            199103,
            "WIOTS_in_STATA.zip",
            "World tables 2000-2014 as 15 Stata files, full precision.",
            size=638_963_496,
            sha1="cde6085d4233fec2356877aedf21d950de912b78",
        ),
        "excel": _wiod2016(
            199104,
            "WIOD2016_WIOTS_in_EXCEL.zip",
            "World tables 2000-2014 as 15 xlsb workbooks, about 877 MB.",
        ),
        "sea": _wiod2016(
            199095,
            "Socio_Economic_Accounts.xlsx",
            "Socio-economic accounts 2000-2014: employment, hours, pay, capital.",
            size=5_536_437,
            sha1="821bba29c42f3a42009eb1b14dbdaa2922d01236",
        ),
    },
    "wiod2013": {
        "excel": _wiod2013(
            199123,
            "WIOD2013_WIOTS_in_EXCEL.zip",
            "World tables 1995-2011 as xlsx workbooks.",
        ),
        "sea": _wiod2013(
            199111,
            "Socio_Economic_Accounts_July14.xlsx",
            "Socio-economic accounts 1995-2011: employment, hours, pay, capital.",
            size=7_831_205,
            sha1="4056b31e2399fd2bb92a311109f279f07ff15faa",
        ),
    },
    "lrwiod": {
        "csv": Archive(
            url=f"{_DATAVERSE}268666",
            page=f"{_WIOD}long-run-wiod?lang=en",
            name="lr_wiod_wiot_final_filled.zip",
            contents="World tables 1965-2000.",
            licence="CC BY 4.0",
            citation="Woltjer, Gouma and Timmer (2021), GGDC Research Memorandum "
            "190; doi:10.34894/A7AXDN",
        ),
    },
}


def get_archive(source: str, format: str | None = None) -> Archive:
    """That archive, or the source's default; ``TivaxError`` lists the choices."""
    if source not in ARCHIVES:
        raise TivaxError(
            f"nothing to fetch for {source!r}; choose from {', '.join(ARCHIVES)}"
        )
    formats = ARCHIVES[source]
    if format is None:
        return next(iter(formats.values()))
    if format not in formats:
        raise TivaxError(
            f"{source} has no format {format!r}; choose from {', '.join(formats)}"
        )
    return formats[format]
