"""What pyproject, CITATION.cff, .zenodo.json, CHANGELOG and the recipe say agrees."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tivax.engine.publication.references import references

yaml = pytest.importorskip("yaml")

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
ZENODO = json.loads((REPOSITORY / ".zenodo.json").read_text(encoding="utf-8"))
RECIPE = yaml.safe_load((REPOSITORY / "conda" / "recipe.yaml").read_text())
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
# conda-forge splits matplotlib: the base has no window.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (.+)$", CHANGELOG, re.M)


def test_the_versions_agree():
    version, when = RELEASES[0]
    assert version == PROJECT["version"] == CITATION["version"] == ZENODO["version"]
    assert RECIPE["context"]["version"] == version
    assert when == ZENODO["publication_date"] == str(CITATION["date-released"])


def test_title_authors_licence_and_keywords_agree():
    names = [k["name"] for k in CITATION["authors"]]
    assert names == [k["name"] for k in PROJECT["authors"]]
    assert names == [k["name"] for k in ZENODO["creators"]]
    assert CITATION["title"] == ZENODO["title"]
    assert CITATION["license"] == PROJECT["license"] == ZENODO["license"]
    assert RECIPE["about"]["license"] == PROJECT["license"]
    assert CITATION["keywords"] == PROJECT["keywords"] == ZENODO["keywords"]
    assert RECIPE["about"]["summary"] == PROJECT["description"]


def test_the_reference_of_tivax_has_the_facts_of_the_citation_file():
    fields = references()["tivax"].fields
    assert fields["title"] == CITATION["title"]
    assert [k.strip("{}") for k in fields["author"]] == [
        k["name"] for k in CITATION["authors"]
    ]
    assert fields["year"] == CITATION["date-released"].year
    assert fields["note"] == f"Version {CITATION['version']}, {CITATION['license']}"


def test_the_work_that_the_citation_file_names_is_that_of_the_references():
    (work,) = CITATION["references"]
    fields = references()["timmer2015"].fields
    assert (work["title"], work["doi"]) == (fields["title"], fields["doi"])
    assert (work["volume"], work["issue"]) == (fields["volume"], fields["number"])
    assert f"{work['start']}-{work['end']}" == fields["pages"]


def requirements(texts):
    """Name and versions of requirements, as conda or pip writes them."""
    found = {}
    for text in texts:
        one = Requirement(text)
        found[one.name.lower()] = frozenset(str(one.specifier).split(","))
    return found


def test_the_conda_recipe_requires_what_pyproject_does():
    # Packages of conda have no extras.
    explorer = PROJECT["optional-dependencies"]["explorer"]
    ours = requirements([*PROJECT["dependencies"], *explorer])
    ours = {CONDA_NAMES.get(name, name): versions for name, versions in ours.items()}
    ours["python"] = frozenset([PROJECT["requires-python"]])
    assert requirements(RECIPE["requirements"]["run"]) == ours
    (script,) = RECIPE["build"]["python"]["entry_points"]
    name, target = script.split(" = ")
    assert PROJECT["scripts"] == {name: target}


def test_the_citation_file_has_the_fields_of_its_schema():
    """Those of CFF 1.2.0 that a file must have, and no others than it may."""
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    assert {"title", "message", "authors"} <= set(CITATION)
    known = (
        "abstract authors cff-version commit contact date-released doi identifiers "
        "keywords license license-url message preferred-citation references repository "
        "repository-artifact repository-code title type url version"
    )
    assert set(CITATION) <= set(known.split())
    assert isinstance(CITATION["date-released"], date)


def test_the_zenodo_file_has_fields_that_zenodo_knows():
    required = {"title", "upload_type", "description", "creators", "access_right"}
    optional = (
        "version publication_date license language keywords related_identifiers notes "
        "contributors references communities grants doi method"
    )
    assert required <= set(ZENODO) <= required | set(optional.split())
    assert ZENODO["upload_type"] == "software" and ZENODO["access_right"] == "open"
    assert all({"name"} <= set(k) for k in ZENODO["creators"])
    for one in ZENODO["related_identifiers"]:
        assert one["relation"] in ("cites", "isSupplementTo", "references")


def test_the_changelog_keeps_its_form():
    heads = re.findall(r"^## (.+)$", CHANGELOG, re.M)
    assert heads[0] == "[Unreleased]"
    assert heads[1:] == [f"[{version}] - {when}" for version, when in RELEASES]
    parts = set(re.findall(r"^### (.+)$", CHANGELOG, re.M))
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert parts <= kinds
    assert "https://semver.org/" in CHANGELOG
