"""What to cite, and that the BibTeX is valid."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tivax
from tivax.engine.measures import INDICATORS, METHODS
from tivax.engine.publication.references import keys_cited, keys_for, references
from tivax.engine.sources import ARCHIVES, rights_facts, rights_of
from tivax.engine.sources.catalogue import SOURCES, get_source

from commands import good
from helpers import error_of, random_tables
from packages import write_files, write_replication, write_result

# Fields that BibTeX's standard styles warn about where they are missing.
REQUIRED = {
    "article": {"title", "journal", "year"},
    "book": {"title", "publisher", "year"},
    "misc": {"title"},
    "techreport": {"author", "title", "institution", "year"},
    "unpublished": {"author", "title", "note"},
}


def parse(text):
    """Entries of BibTeX by key: kind and fields. A small grammar, strict."""
    entries, rest = {}, text
    while rest.strip():
        head = re.match(r"\s*@(\w+)\{([a-z0-9]+),\n", rest)
        assert head, rest[:80]
        rest, fields = rest[head.end() :], {}
        while not rest.startswith("}\n"):
            name = re.match(r"  (\w+) = \{", rest)
            assert name, rest[:80]
            end, depth = name.end(), 1
            while depth:
                depth += {"{": 1, "}": -1}.get(rest[end], 0)
                end += 1
            assert name[1] not in fields
            fields[name[1]] = rest[name.end() : end - 1]
            assert re.match(r",\n  |\n\}", rest[end:]), rest[end : end + 40]
            rest = rest[end:].removeprefix(",").removeprefix("\n")
        entries[head[2]] = (head[1], fields)
        rest = rest.removeprefix("}\n")
    return entries


# ------------------------------------------------------------------------------- facts


def test_every_entry_is_valid_bibtex():
    works = references()
    entries = parse("\n".join(work.to_bibtex() for work in works.values()))
    assert list(entries) == list(works)
    for key, (kind, fields) in entries.items():
        assert set(fields) >= REQUIRED[kind], key
        assert re.fullmatch(r"\d{4}", fields["year"]), key
        if "doi" in fields:
            assert re.fullmatch(r"10\.\d{4,5}/\S+", fields["doi"]), key
        # Characters that LaTeX would take for a command.
        plain = [v for k, v in fields.items() if k not in ("doi", "url")]
        assert not re.search(r"(?<!\\)[&%#_$]", " ".join(plain)), key


def test_every_source_of_a_measure_is_known():
    for facts in [*METHODS.values(), *INDICATORS.values()]:
        assert keys_cited(facts.source), facts.source


def test_two_years_of_one_pair_of_authors_are_two_works():
    text = "Borin and Mancini 2019, 2023; Los and Timmer 2018"
    assert keys_cited(text) == ["borin2019", "borin2023", "los2018"]
    assert "no work is cited as 'Borin 1919'" in error_of(keys_cited, "Borin 1919")


def test_every_database_has_its_rights():
    stored = {get_source(name).stored_as or name for name in SOURCES}
    own = {"arrays", "icio", "long", "mario", "national", "pymrio"}
    assert set(rights_facts()) == (stored | {*ARCHIVES, "bis"}) - own
    for name in rights_facts():
        rights = rights_of(name)
        assert rights is not None and rights.title and rights.licence
        assert rights.terms.startswith("https://")
        assert rights.references and set(rights.references) <= set(references())
        # A licence that is known to be open, and no other, allows passing on.
        if rights.licence == "CC BY 4.0":
            assert rights.redistribution
    assert rights_of("arrays") is None and rights_of("synthetic") is None


def test_schemes_have_their_works():
    for topic in ("wild", "webb", "mammen", "bayesian", "freedman-lane", "placebo"):
        assert keys_for([topic]), topic
    assert "webb2023" not in keys_for(["wild", "rademacher"])


# ------------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cited")
    write_replication(folder)
    return folder


def keys(*words):
    return list(parse(good("package", *words, "--cite").out))


def test_a_replication_cites_paper_databases_and_tests(root, monkeypatch):
    monkeypatch.chdir(root)
    cited = keys("replication")
    assert cited == sorted(cited)
    assert {"tbi2021", "gygli2019", "feenstra2015", "bis2026eer", "tivax"} <= set(cited)
    assert "timmer2015" not in cited  # none of its inputs


def test_the_folder_one_is_in_is_cited(root, monkeypatch):
    monkeypatch.chdir(root / "replication")
    assert "tbi2021" in keys(".")


def test_a_store_cites_its_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = random_tables(regions=3, sectors=2, years=1)
    tivax.save_store(made, "own")
    assert keys("own") == ["tivax"]
    path = tmp_path / "own" / "zarr.json"
    path.write_text(path.read_text().replace('"source": ""', '"source": "eora"'))
    assert keys("own") == ["lenzen2012", "lenzen2013", "tivax"]


@pytest.mark.parametrize(
    "command, facts, cited",
    [
        ("decompose", {"method": "bm-source"}, {"borin2019", "borin2023"}),
        ("decompose", {"method": "kww"}, {"koopman2014"}),
        ("scenario", {"kind": "trade-war"}, {"caliendo2015"}),
        ("scenario", {"kind": "exact-hat", "markups": True}, {"caliendo2015", "ossa2014"}),
        ("scenario", {"kind": "nash"}, {"caliendo2015", "ossa2014"}),
        ("gravity", {"kind": "weidner-zylkin"}, {"santossilva2006", "weidner2021"}),
        ("gravity", {"kind": "ppml"}, {"santossilva2006"}),
        ("elasticities", {"kind": "triads"}, {"caliendo2015"}),
        ("threats", {}, {"cameron2008", "mackinnon2023", "webb2023"}),
        ("indicators", {"units": {"GVC_PART_BM": "%", "RCA": ""}}, {"borin2019", "balassa1965"}),
        ("change", {"units": {"RCA": ""}}, {"aumann1974", "dietzenbacher1998", "balassa1965"}),
        ("tbi", {"net_inventories": {"categories": ["INVNT"]}}, {"antras2012", "johnson2012", "tbi2021"}),
        ("bootstrap", {"scheme": {"kind": "wild", "weights": "webb", "method": "treatment"}}, {"webb2023", "cameron2008", "mackinnon2023", "romano2005", "hansen2025"}),
        ("bootstrap", {"scheme": {"kind": "wild", "weights": "webb", "type": "31"}}, {"webb2023", "cameron2008", "mackinnon2023", "mackinnon2023jackknife", "romano2005", "hansen2025"}),
        ("bootstrap", {"scheme": {"kind": "placebo", "weights": "rademacher", "method": "freedman-lane"}}, {"freedman1983", "phipson2010", "mackinnon2023", "romano2005", "hansen2025"}),
    ],
)  # fmt: skip
def test_a_result_cites_its_methods(tmp_path, monkeypatch, command, facts, cited):
    monkeypatch.chdir(tmp_path)
    write_result(
        tmp_path / "out", [command, "--out", "out"], {}, {"a.csv": ""}, **facts
    )
    assert set(keys("out")) == {*cited, "tivax"}


def test_draws_cite_the_databases_of_their_panel(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    words = ["bootstrap", "wild.toml", "--out", "wild"]
    write_files(root, {"wild.toml": ""})
    inputs = {"wild.toml": "", "replication/panel.csv": ""}
    scheme = {"kind": "pairs", "weights": "rademacher", "method": "treatment"}
    write_result(root / "wild", words, inputs, {"summary.csv": ""}, scheme=scheme)
    assert {"gygli2019", "feenstra2015", "cameron2008"} <= set(keys("wild"))


def test_the_list_of_references_has_a_line_for_each_work(root, monkeypatch):
    monkeypatch.chdir(root)
    lines = tivax.cite("replication", "text").splitlines()
    assert len(lines) == len(keys("replication"))
    assert (
        "Feenstra, Robert C. and Inklaar, Robert and Timmer, Marcel P. (2015), The Next "
        "Generation of the Penn World Table, American Economic Review 105(10): "
        "3150-3182, doi:10.1257/aer.20130954." in lines
    )


def test_nothing_to_cite_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = error_of(tivax.cite, "nowhere")
    assert told.startswith("nowhere: neither a store nor a result of")
    assert "no format ris" in error_of(tivax.cite, "nowhere", "ris")


def test_results_say_what_references_name_them_by():
    pairs = [(a, b) for a in "ABCDE" for b in "ABCDE" if a != b]
    data = pd.DataFrame(pairs, columns=["exporter", "importer"]).assign(sector="s")
    rng = np.random.default_rng(0)
    data["tariff"] = rng.uniform(0, 0.3, len(data))
    data["value"] = rng.uniform(1, 2, len(data)) * (1 + data["tariff"]) ** -4.0
    both = [tivax.trade_elasticities(data, method=k) for k in ("triads", "ppml")]
    assert [k.facts()["kind"] for k in both] == ["triads", "ppml"]
    flows = pd.concat([data.assign(year=k) for k in range(3)], ignore_index=True)
    flows["tariff"] = rng.uniform(0, 0.3, len(flows))
    flows["value"] = rng.uniform(1, 2, len(flows))
    fits = [
        tivax.gravity(flows, tivax.Gravity("value", ["tariff"], adjust=k))
        for k in ("none", "weidner-zylkin")
    ]
    assert [k.facts()["kind"] for k in fits] == ["ppml", "weidner-zylkin"]
    economy = tivax.Economy.synthetic(regions=3, sectors=2, seed=1)
    with_profits = replace(economy, markup=np.array([1.05, 1.2]))
    found = [tivax.exact_hat(k).facts() for k in (economy, with_profits)]
    assert ["markups" in k for k in found] == [False, True]
