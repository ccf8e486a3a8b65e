"""What there is to download: the official archives of each database.

To add a database, add rows to ``ARCHIVES``; ``engine.fetch`` does the rest.
"""

from dataclasses import dataclass

from ..core import TivaxError


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
    header
        First words of a text; "" where the file is none.
    """

    url: str
    page: str
    name: str
    contents: str
    licence: str
    citation: str
    size: int | None = None
    sha1: str | None = None
    header: str = ""

    @property
    def is_zip(self) -> bool:
        """An xlsx workbook is a zip archive too."""
        return self.name.endswith((".zip", ".xlsx"))

    @property
    def is_stata(self) -> bool:
        return self.name.endswith(".dta")


_DATAVERSE = "https://dataverse.nl/api/access/datafile/"
_GGDC = "https://www.rug.nl/ggdc/docs/"
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


_ETH = "https://ethz.ch/content/dam/ethz/special-interest/dual/kof-dam/documents/"
_KOF_SITE = "https://kof.ethz.ch/en/forecasts-and-indicators/indicators/"


def _kof(path: str, years: str, *, name: str = "", **known) -> Archive:
    return Archive(
        url=f"{_ETH}{path}",
        page=f"{_KOF_SITE}kof-globalisation-index.html",
        name=name or path.rpartition("/")[2],
        contents=f"KOF Globalisation Index, {years}.",
        licence="no open licence in the files",
        citation="Gygli, Haelg, Potrafke and Sturm (2019), The KOF Globalisation Index "
        "- Revisited, Review of International Organizations 14(3): 543-574",
        **known,
    )


def _pwt(url: str, name: str, edition: str, years: str) -> Archive:
    return Archive(
        url=url,
        page="https://www.rug.nl/ggdc/productivity/pwt/?lang=en",
        name=name,
        contents=f"Penn World Table {edition}, {years}.",
        licence="CC BY 4.0",
        citation="Feenstra, Inklaar and Timmer (2015), The Next Generation of the Penn "
        "World Table, American Economic Review 105(10): 3150-3182",
    )


_WGI = (
    "Kaufmann, Kraay and Mastruzzi (2010), The Worldwide Governance Indicators, "
    "World Bank Policy Research Working Paper 5430"
)
_WDI = "World Bank, World Development Indicators"


def _world_bank(code: str, contents: str, citation: str) -> Archive:
    """One series of the World Bank's API; every update of it gives other bytes."""
    return Archive(
        url=f"https://api.worldbank.org/v2/en/indicator/{code}?downloadformat=csv",
        page=f"https://data.worldbank.org/indicator/{code}",
        name=f"API_{code}.zip",
        contents=f"{contents}, as of today.",
        licence="CC BY 4.0",
        citation=citation,
    )


# Sizes and checksums were taken down by people who had the files; a dash in the
# project's notes is None here. The first format of a source is its default. Both
# releases call their Excel archive WIOTS_in_EXCEL.zip: the names here differ. KOF 2018
# and PWT 9.0 come first because they were identified as the paper's.
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
    "kof": {
        "2018": _kof(
            "Globalization/2018/Data_2018_2.dta",
            "1970-2016",
            name="KOF_Data_2018.dta",
        ),
        "2019": _kof(
            "Medienmitteilungen/Globalisierungsindex/KOFGI_2019.zip", "1970-2017"
        ),
        # The size that was taken down is the xlsx's, whose address nobody noted.
        "2020": _kof(
            "Medienmitteilungen/Globalisierungsindex/KOFGI_2020_public.dta",
            "1970-2018",
        ),
        "2023": _kof(
            "Globalization/2023/KOFGI_2023_public.xlsx", "1970-2021", size=3_358_497
        ),
        "2024": _kof(
            "Globalization/2024/KOFGI_2024_public.xlsx", "1970-2022", size=3_404_435
        ),
        "2025": _kof("Globalization/2025/KOFGI_2025_public.xlsx", "from 1970"),
    },
    "pwt": {
        "9.0": _pwt(f"{_GGDC}pwt90.dta", "pwt90.dta", "9.0", "1950-2014"),
        "9.1": _pwt(f"{_GGDC}pwt91.dta", "pwt91.dta", "9.1", "1950-2017"),
        "10.0": _pwt(f"{_GGDC}pwt100.dta", "pwt100.dta", "10.0", "1950-2019"),
        "10.0-xlsx": _pwt(f"{_GGDC}pwt100.xlsx", "pwt100.xlsx", "10.0", "1950-2019"),
        # Newer releases lie on DataverseNL and not beside the older ones.
        "10.01": _pwt(f"{_DATAVERSE}354095", "pwt1001.xlsx", "10.01", "1950-2019"),
        "10.01-dta": _pwt(f"{_DATAVERSE}354098", "pwt1001.dta", "10.01", "1950-2019"),
        "11.0": _pwt(f"{_DATAVERSE}554105", "pwt110.xlsx", "11.0", "1950-2023"),
        "11.0-dta": _pwt(f"{_DATAVERSE}554030", "pwt110.dta", "11.0", "1950-2023"),
    },
    "wgi": {
        "stata": Archive(
            url="https://www.worldbank.org/content/dam/sites/govindicators/doc/"
            "wgidataset_stata.zip",
            page="https://www.worldbank.org/en/publication/"
            "worldwide-governance-indicators",
            name="wgidataset_stata.zip",
            contents="All six governance indicators from 1996, with standard errors.",
            licence="CC BY 4.0",
            citation=_WGI,
        ),
        "regulatory-quality": _world_bank("RQ.EST", "Regulatory quality", _WGI),
        "voice": _world_bank("VA.EST", "Voice and accountability", _WGI),
        "stability": _world_bank("PV.EST", "Political stability", _WGI),
        "effectiveness": _world_bank("GE.EST", "Government effectiveness", _WGI),
        "rule-of-law": _world_bank("RL.EST", "Rule of law", _WGI),
        "corruption": _world_bank("CC.EST", "Control of corruption", _WGI),
    },
    "wdi": {
        "inflation": _world_bank(
            "FP.CPI.TOTL.ZG", "Consumer price inflation, annual %", _WDI
        ),
        "exports": _world_bank(
            "NE.EXP.GNFS.CD", "Exports of goods and services, current US$", _WDI
        ),
        "imports": _world_bank(
            "NE.IMP.GNFS.CD", "Imports of goods and services, current US$", _WDI
        ),
        "population": _world_bank("SP.POP.TOTL", "Total population", _WDI),
    },
    "weo": {
        "2021-04": Archive(
            url="https://www.imf.org/-/media/files/publications/weo/weo-database/2021/"
            "weoapr2021all.xls",
            page="https://www.imf.org/en/Publications/WEO/weo-database/2021/April",
            name="weoapr2021all.xls",
            contents="World Economic Outlook, 1980-2026: text in spite of its name.",
            licence="IMF terms of use",
            citation="International Monetary Fund, World Economic Outlook Database, "
            "April 2021",
            header="WEO Country Code",
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
