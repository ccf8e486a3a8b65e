"""Tidy tables of every kind of result."""

import numpy as np
import pandas as pd
import pytest

from tivax.engine import decompose, to_long, trade_benefit_index, value_added_trade
from tivax.engine.core import columns_of
from tivax.engine.core.frames import write_frame

from helpers import (
    error_of,
    random_panel,
    random_tables,
    read_table,
    two_stage,
    two_way,
)

TABLES = random_tables(regions=3, sectors=2, years=2)


def labels_of(path) -> dict[str, str]:
    with pd.read_stata(path, iterator=True) as reader:
        return reader.variable_labels()


def test_columns_that_stata_does_not_take_are_renamed_and_labelled(tmp_path):
    columns = ["2001", "exchange rate", "exchange_rate", "in", "x" * 40, "x" * 41, "ok"]
    write_frame(pd.DataFrame([range(7)], columns=columns), tmp_path, "t", "dta")
    frame = pd.read_stata(tmp_path / "t.dta")
    labels = labels_of(tmp_path / "t.dta")
    assert list(frame) == [
        "_2001", "exchange_rate", "exchange_rate_2", "_in", "x" * 32, "x" * 30 + "_2",
        "ok",
    ]  # fmt: skip
    assert frame.iloc[0].tolist() == [*range(7)]
    assert [*labels.values()] == [*columns[:2], "exchange_rate", *columns[3:]]


@pytest.mark.parametrize(
    "label, kept",
    [
        (f"{'a' * 70} [unit of]", f"{'a' * 70} [unit of]"),
        (f"{'a' * 70} [million US$]", "a" * 70),
        (" ".join(["word"] * 20), " ".join(["word"] * 15) + " ..."),
        ("b" * 90, "b" * 80),
    ],
)
def test_a_label_too_long_for_stata_is_cut_before_its_unit_or_between_words(
    tmp_path, label, kept
):
    write_frame(pd.DataFrame({"own": [1]}), tmp_path, "t", "dta", {"own": label})
    assert labels_of(tmp_path / "t.dta") == {"own": kept}


@pytest.mark.parametrize("format", ["csv", "parquet", "feather", "dta"])
def test_infinity_is_missing_in_stata_alone(tmp_path, format):
    """Ends of a set that is the whole line."""
    ends = pd.DataFrame(
        {"n": [1, 2, 3], "shape": ["line", "set", "set"], "low": [-np.inf, 0.5, np.inf]}
    )
    write_frame(ends, tmp_path, "t", format)
    read = read_table(tmp_path / f"t.{format}")
    expected = [np.nan, 0.5, np.nan] if format == "dta" else ends["low"].tolist()
    np.testing.assert_array_equal(read["low"], expected)
    assert read["n"].tolist() == [1, 2, 3] and read["shape"].tolist()[0] == "line"


def test_an_array_has_a_row_for_each_value():
    absorbed = value_added_trade(TABLES)["va_absorbed"]
    frame = to_long(absorbed)
    columns = ["year", "origin", "sector", "absorber", "value", "unit"]
    assert list(frame) == columns and len(frame) == absorbed.size
    row = frame.iloc[17]
    where = {k: row[k] for k in columns[:4]}
    assert row["value"] == float(absorbed.sel(where))
    assert set(frame["unit"]) == {"million US$"}


def test_a_dataset_has_its_variables_one_after_the_other():
    tbi = trade_benefit_index(TABLES)
    frame = to_long(tbi)
    assert list(frame) == ["year", "region", "variable", "value", "unit"]
    wide = frame.pivot(index=["year", "region"], columns="variable", values="value")
    for name in ("va_exports", "va_imports", "tbi"):
        assert wide[name].tolist() == tbi[name].values.ravel().tolist()
    units = frame.drop_duplicates("variable").set_index("variable")["unit"]
    assert (units["tbi"], units["va_exports"]) == ("1", "million US$")


def test_a_variable_without_a_label_has_an_empty_one():
    frame = to_long(decompose(TABLES, "bm-source", "country").data)
    residual = frame[frame["variable"] == "residual"]
    assert residual["exporter"].tolist() == [""] * 2
    assert frame["year"].dtype.kind == "i"


def test_one_year_of_a_result_is_a_long_table_too():
    """Its residual, by year alone, is then a single number."""
    every = decompose(TABLES, "bm-source", "country").data
    frame = to_long(every.isel(year=-1))
    assert list(frame) == ["exporter", "variable", "value", "unit"]
    (residual,) = frame[frame["variable"] == "residual"]["value"]
    assert residual == every["residual"].values[-1]
    assert len(to_long(every["residual"][0])) == 1


def test_an_estimate_has_a_row_for_each_term():
    panel = random_panel(countries=8, years=6)
    fit = two_way(panel, "KOFGIdj", ["TBI", "RQ"])
    frame = to_long(fit).set_index("term")
    assert frame.loc["TBI", "estimate"] == fit["TBI"].estimate
    assert frame.loc["RQ", "n"] == 48 and set(frame["outcome"]) == {"KOFGIdj"}
    both = to_long(two_stage(panel, "KOFGIdj", "TBI", ["lnPOP"], ["RQ"]))
    assert set(both["stage"]) == {"first", "second"}
    assert set(both["outcome"]) == {"KOFGIdj", "TBI"}


def test_anything_else_is_refused():
    for one in (3, pd.DataFrame(), np.ones(2)):
        assert error_of(to_long, one).startswith("result: give a Dataset or DataArray")


def test_columns_that_many_tables_have_are_labelled_for_stata(tmp_path):
    columns = ["term", "x_ci_low", "own", "se"]
    frame = pd.DataFrame([["TBI", 0.1, 1, 2]], columns=columns)
    labels = {**columns_of("decompose"), "se": "its own label"}
    write_frame(frame, tmp_path, "t", "dta", labels)
    assert labels_of(tmp_path / "t.dta") == {
        "term": "term of the decomposition",
        "x_ci_low": "95 % from: x",
        "own": "own",
        "se": "its own label",
    }
