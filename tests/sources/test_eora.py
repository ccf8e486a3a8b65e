import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.sources.catalogue import get_source
from tivax.engine.tables.rules import check_same_labels, check_values

from helpers import error_of
from mrio_files import eora_texts, eora_world, write_eora, write_lines
from source_files import assert_holds, read_all, refusal, swap, zipped


def year_folder(folder, year=2015, prices="bp", change=None):
    texts = eora_texts(eora_world(year))
    if change:
        change(texts)
    write_eora(folder, texts, year, prices)
    return folder


def T(folder, year=2015, prices="bp"):
    return folder / f"Eora26_{year}_{prices}_T.txt"


# ------------------------------------------------------------------ what is read


def test_row_keeps_its_one_industry_and_its_trade(tmp_path):
    """By hand: line 5 of T is ROW, columns 1 and 2 are AUS: 10 * 9 + 1 + 15 = 106."""
    year_folder(tmp_path)
    last = T(tmp_path).read_text().splitlines()[4].split("\t")
    assert [float(k) for k in last[:2]] == [106.0, 107.0]
    (table,) = read_all("eora", tmp_path)
    assert table.regions == ("AUS", "SDN", "ROW")
    assert table.sectors == ("Agriculture", "Fishing", "TOTAL")
    assert table.industry(8) == "ROW:TOTAL"
    assert table.Z[8, :2].tolist() == [106.0, 107.0]
    empty = [2, 5, 6, 7]  # TOTAL of the countries, sectors of ROW
    assert not table.Z[empty].any() and not table.Z[:, empty].any()
    assert not table.Y[empty].any() and not table.x[empty].any()


def test_codes_of_sudan_and_south_sudan_become_those_of_iso(tmp_path):
    def change(texts):
        for name in ("labels_T", "labels_FD"):
            texts[name] = [k.replace("\tAUS\t", "\tSDS\t") for k in texts[name]]

    (table,) = read_all("eora", year_folder(tmp_path, change=change))
    assert table.regions == ("SSD", "SDN", "ROW")


def test_a_table_without_the_rest_of_the_world_has_no_sector_total(tmp_path):
    def change(texts):
        texts["T"] = ["\t".join(k.split("\t")[:4]) for k in texts["T"][:4]]
        texts["FD"] = ["\t".join(k.split("\t")[:12]) for k in texts["FD"][:4]]
        texts["VA"] = ["\t".join(k.split("\t")[:4]) for k in texts["VA"]]
        texts["labels_T"] = texts["labels_T"][:4]
        texts["labels_FD"] = texts["labels_FD"][:12]

    (table,) = read_all("eora", year_folder(tmp_path, change=change))
    whole = eora_world()
    assert table.sectors == ("Agriculture", "Fishing")
    assert_array_equal(table.Z, whole.Z[np.ix_([0, 1, 3, 4], [0, 1, 3, 4])])


def test_a_folder_without_va_has_no_value_added(tmp_path):
    year_folder(tmp_path)
    (tmp_path / "Eora26_2015_bp_VA.txt").unlink()
    (table,) = read_all("eora", tmp_path)
    assert table.value_added is None


def test_prices_are_told_and_not_mixed(tmp_path):
    (a,) = read_all("eora", year_folder(tmp_path / "a"))
    (b,) = read_all("eora", year_folder(tmp_path / "b", prices="pp"))
    assert (a.edition, b.edition) == ("at basic prices", "at purchasers' prices")
    with pytest.raises(ValueError, match="is at purchasers' prices, 2015 is at basic"):
        check_same_labels(a, b)


# --------------------------------------------------------------- finding the files


def archive(folder, year, labels=True):
    raw = year_folder(folder / f"raw{year}", year)
    files = [p for p in raw.iterdir() if labels or not p.name.startswith("labels")]
    deep = "import/miranda/Eoras/Phase199/Loop082/simplified/"
    return zipped(folder / f"Eora26_{year}_bp.zip", *files, folder=deep)


def test_labels_are_taken_from_another_archive_of_the_call(tmp_path):
    with_labels, without = archive(tmp_path, 2014), archive(tmp_path, 2016, False)
    assert_holds(read_all("eora", without, with_labels)[1], eora_world(2016))


def test_labels_are_taken_from_indices_beside_the_archive(tmp_path):
    without = archive(tmp_path, 2016, False)
    assert "no labels_T.txt with it; put indices.zip" in refusal("eora", without)
    labels = [tmp_path / "raw2016" / f"labels_{k}.txt" for k in ("T", "FD")]
    zipped(tmp_path / "indices.zip", *labels)
    (table,) = read_all("eora", without)
    assert_holds(table, eora_world(2016))


def test_labels_of_the_table_itself_are_preferred(tmp_path):
    """The labels of the other year have the countries the other way round."""

    def change(texts):
        for name in ("labels_T", "labels_FD"):
            texts[name] = [k.replace("\tAUS\t", "\tNZL\t") for k in texts[name]]

    year_folder(tmp_path / "a", 2014, change=change)
    year_folder(tmp_path / "b", 2015)
    a, b = read_all("eora", tmp_path)
    assert (a.regions[0], b.regions[0]) == ("NZL", "AUS")


def test_a_file_t_stands_for_its_year_alone(tmp_path):
    for year in (2014, 2015):
        year_folder(tmp_path, year)
    (table,) = read_all("eora", T(tmp_path, 2015))
    assert_holds(table, eora_world(2015))
    assert len(read_all("eora", tmp_path, T(tmp_path, 2015))) == 2


def test_the_manifest_names_every_file_that_was_read(tmp_path):
    (file,) = get_source("eora").find([year_folder(tmp_path)])
    names = {part.path.name for part in file.parts.values()}
    stem = "Eora26_2015_bp"
    assert names == {
        f"{stem}_FD.txt",
        f"{stem}_VA.txt",
        "labels_T.txt",
        "labels_FD.txt",
    }


def test_a_lone_file_says_what_is_missing(tmp_path):
    write_lines(T(tmp_path), ["1\t2"])
    assert "no Eora26_2015_bp_FD.txt beside it" in refusal("eora", T(tmp_path))


# ---------------------------------------------------------------- wrong contents


def drop_last(name):
    return lambda texts: texts[name].pop()


def put(name, line, text):
    def change(texts):
        texts[name][line] = text

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (drop_last("T"), "T.txt: the table has shape (4, 5), but the labels make it ("),
        (drop_last("FD"), "FD.txt: the table has shape (4, 18), but the labels make"),
        (drop_last("VA"), "VA.txt: the table has shape (5, 5), but the labels make it"),
        (put("T", 2, "1\tx\t3\t4\t5"), "T.txt: a cell holds 'x', not a number"),
        (drop_last("labels_FD"), "labels_FD.txt: lines lack ROW:Acquisitions"),
        (swap("labels_FD", 0, 1), "labels_FD.txt: lines are in another order"),
        (swap("labels_T", 2, 3), "labels_T.txt: rows are in another order"),
        (put("labels_T", 0, "Australia\tAUS"), "labels_T.txt: line 1 does not have"),
        (lambda t: t["labels_T"].__delitem__(slice(None)), "labels_T.txt: empty file"),
    ],
)
def test_a_folder_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    year_folder(tmp_path, change=change)
    assert message in error_of(read_all, "eora", tmp_path)


def test_a_blank_cell_is_refused_by_its_labels(tmp_path):
    (table,) = read_all(
        "eora", year_folder(tmp_path, change=put("T", 1, "1\t2\t\t4\t5"))
    )
    assert "first AUS:Fishing to SDN:Agriculture" in error_of(check_values, table)
