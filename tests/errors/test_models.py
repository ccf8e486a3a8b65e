"""Models of errors: built-in names, RUN.toml, and what is a mistake."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.core import TomlTable, read_toml
from tivax.engine.errors import Slabs
from tivax.engine.errors.kinds import kinds_of
from tivax.engine.errors.models import error_model, error_of_run
from tivax.engine.errors.parts import parts_of

from helpers import error_of, hand_table

FILE = """
[[error]]
kind = "lognormal"
a = 0.5
b = 0.1
shared = "product"
over_years = "shared"
margins = ["column", "row"]

[[error]]
kind = "shares"
concentration = 50
"""


def model_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "RUN.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_its_sections(tmp_path):
    model = tx.table_errors.ErrorModel.read(model_file(tmp_path, FILE))
    assert model.name == "RUN"
    assert model.errors == (
        tx.table_errors.Lognormal(
            a=0.5,
            b=0.1,
            shared="product",
            over_years="shared",
            margins=("row", "column"),
        ),
        tx.table_errors.Shares(concentration=50.0),
    )
    assert model.record[1] == {
        "kind": "shares",
        "margins": [],
        "over_years": "independent",
        "concentration": 50.0,
    }


def test_a_model_of_one_error_or_several_needs_no_file():
    one = tx.table_errors.Rounding()
    assert error_model("rounding").errors == error_model(one).errors == (one,)
    both = error_model([one, tx.table_errors.Shares(concentration=9)])
    assert [k.kind for k in both.errors] == ["rounding", "shares"]


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "no errors; write sections [[error]]"),
        ("[[errors]]", "unknown key errors; did you mean error"),
        ("[[error]]\nkind = 'normal'", "kind = 'normal' in [[error]]: choose from rounding, shares, lognormal, given, rebuilt"),
        ("[[error]]\nkind = 'lognormal'", "a in [[error]]: is missing"),
        ("[[error]]\nkind = 'lognormal'\na = -1", "a = -1 in [[error]]: give a number from 0, not -1.0"),
        ("[[error]]\nkind = 'shares'\nconcentration = 1\nshared = 'year'", "shared = 'year' in [[error]]: goes with kind = lognormal or given, not shares"),
        ("[[error]]\nkind = 'rounding'\nb = 1", "b = 1 in [[error]]: goes with kind = lognormal, not rounding"),
        ("[[error]]\nkind = 'rebuilt'\nmargins = ['row']", "margins = ['row'] in [[error]]: goes with kind = rounding or shares or lognormal or given, not rebuilt"),
        ("[[error]]\nkind = 'given'", "file in [[error]]: is missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_the_file(tmp_path, text, told):
    path = model_file(tmp_path, text)
    assert error_of(tx.table_errors.ErrorModel.read, path).startswith(f"{path}: {told}")


def test_a_run_file_holds_errors_in_sections_or_names_them(tmp_path):
    model_file(tmp_path, FILE)
    for k, error in enumerate(('error = "RUN.toml"', 'error = "rounding"', FILE)):
        run = tmp_path / f"run{k}.toml"
        run.write_text(f"draws = 9\n{error}")
        found = error_of_run(TomlTable(run, "", read_toml(run)))
        assert found.name == ("RUN", "rounding", "run2")[k]
        assert len(found.errors) == (2, 1, 2)[k]
    run.write_text("draws = 9")
    told = error_of(error_of_run, TomlTable(run, "", read_toml(run)))
    assert told.startswith(f"{run}: error: is missing; write sections")
    run.write_text('error = "rounding"')
    assert (
        error_of(tx.table_errors.ErrorModel.read, run)
        == f"{run}: no errors; write sections [[error]]"
    )


def test_an_unknown_name_is_told_the_known_ones():
    told = error_of(tx.table_errors.ErrorModel.read, "roundin")
    assert told.startswith("no error model roundin: did you mean rounding")


# ------------------------------------------------------------------- errors of cells

REGIONS = ("A", "B")


def errors_of(tables, error):
    """The errors of the cells of the first year."""
    (part,) = parts_of(kinds_of([error], tables), Slabs(tables, 0))
    return part.errors[0]


def test_rounding_is_a_twelfth_of_a_whole_cell_and_the_square_of_a_filled_one():
    tables = hand_table([[4, 0.3], [0, 7]], [[3, 2], [-1, 5]], REGIONS)
    found = errors_of(tables, tx.table_errors.Rounding())
    wanted = [[1 / 12, 0.09, 1 / 12, 1 / 12], [0, 1 / 12, 1 / 12, 1 / 12]]
    assert_allclose(found.S, wanted, rtol=1e-6)  # in single precision
    assert_allclose(found.output, [0, 1 / 12])  # the first is 9.3


def test_tables_that_are_not_rounded_are_told_so():
    tables = hand_table([[4, 1.3], [0, 7]], [[3, 2], [1, 5]], REGIONS)
    told = error_of(errors_of, tables, tx.table_errors.Rounding())
    assert told.startswith("2000: cells are not whole units, so they were not rounded")


def test_lognormal_deviations_fall_with_size():
    tables = hand_table([[4, 9], [0, 16]], [[25, 1], [-4, 50]], REGIONS)
    S = errors_of(tables, tx.table_errors.Lognormal(a=0.5, b=0.5)).S
    # 0.5 z^-0.5 of z is 0.5 sqrt(z), whose square is z / 4.
    assert_allclose(S, np.abs([[4, 9, 25, 1], [0, 16, -4, 50]]) / 4, rtol=1e-6)


def test_published_deviations_are_read_by_label(tmp_path):
    tables = hand_table([[4, 9], [2, 16]], [[25, 1], [4, 5]], REGIONS)
    path = tmp_path / "deviations.npz"
    Z, Y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    labels = {"regions": np.array(REGIONS), "sectors": np.array(["S"]), "year": 2000}
    np.savez(path, Z=Z, Y=Y, **labels)
    S = errors_of(tables, tx.table_errors.Given(file=path)).S
    assert_allclose(S, np.hstack([Z, Y]) ** 2)
    for change, told in (
        ({"regions": np.array(["B", "A"])}, "regions: has B where the tables have A"),
        ({"year": 1999}, "no standard deviations of 2000"),
        ({"Z": -Z}, "Z has a standard deviation below 0 or NaN"),
        ({"Y": Y[:1]}, "Z (1, 2, 2) and Y (1, 1, 2) do not fit 2 regions"),
        ({"year": 2000.5}, "year: write whole numbers, such as 2007"),
        ({"year": "a"}, "year: write whole numbers"),
        ({"year": [2000, 2000]}, "year: a year is there twice"),
        ({"years": [2000], "Z": 1.0}, "Z must be an array of numbers"),
    ):
        np.savez(path, **{"Z": Z, "Y": Y, **labels, **change})
        given = tx.table_errors.Given(file=path)
        assert error_of(errors_of, tables, given).startswith(f"{path}: {told}")
    path.write_bytes(b"nothing")
    assert error_of(errors_of, tables, given).startswith(f"{path}: not an .npz")
