"""NAFTA, from an economy and from Caliendo and Parro's text files."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.papers.nafta import model as nafta

from commands import good, mistake
from helpers import error_of


def members(sectors: int = 2) -> tx.Economy:
    economy = tx.Economy.synthetic(regions=3, sectors=sectors, seed=1)
    return replace(economy, regions=("Mexico", "USA", "CAN"))


def test_nafta_by_partner_adds_up_to_the_total(tmp_path):
    members().save(tmp_path / "own.npz")
    out = tmp_path / "out"
    words = ("--paper", "nafta", "--data", tmp_path / "own.npz", "--out", out)
    assert "own.npz: no such folder" in mistake("replicate", *words)
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "own.npz").rename(data / "own.npz")
    words = ("--paper", "nafta", "--data", data, "--out", out)
    assert "NAFTA: 39 cells" in good("replicate", *words).out
    table = pd.read_csv(out / "tables.csv", index_col=[0, 1, 2]).sort_index()
    found = tx.exact_hat(members(), deficits="zero").changes
    for region, row in (("Mexico", "Mexico"), ("CAN", "Canada"), ("USA", "USA")):
        total = table["value"].loc["Table 2", row]
        expected = found.loc[region, ["realwage", "welfare"]].to_numpy(float)
        assert_allclose(total[["real wages", "welfare"]].to_numpy(float), expected)
        parts = table["value"].loc["Table 3", row]
        for part in ("terms of trade", "volume of trade"):
            split = parts[f"{part}, NAFTA"] + parts[f"{part}, rest of world"]
            assert_allclose(split, total[part], atol=1e-10)


def test_caliendo_and_parros_text_files_become_their_economy(tmp_path):
    """Every cell of the economy by its definition, from files of random numbers."""
    rng = np.random.default_rng(0)
    r, s, traded = 31, 40, 20
    sold = rng.lognormal(0, 1, (traded, r, r))
    rates = rng.uniform(0, 15, (2, traded, r, r))
    output = rng.lognormal(5, 1, (s, r)) * 1e4
    share = rng.uniform(0.4, 0.8, (s, r))
    mix = rng.dirichlet(np.ones(s), (r, s)).transpose(0, 2, 1)
    theta = rng.uniform(2, 12, (traded, 1))
    flows = sold.reshape(-1, r), *rates.reshape(2, -1, r)
    arrays = *flows, output, share, mix.reshape(-1, s), theta
    for name, values in zip(nafta.FILES, arrays, strict=True):
        np.savetxt(tmp_path / name, values, delimiter="\t")
    economy = nafta.read_text_files(tmp_path)
    usa, mex, can = (economy.regions.index(k) for k in ("USA", "MEX", "CAN"))
    assert_allclose(economy.trade[usa, mex, 3], 1000 * sold[3, usa, mex])
    assert_allclose(economy.tariff[usa, 0, 3], rates[0, 3, usa, 0] / 100)
    assert_allclose(economy.tariff_new[usa, can, 3], rates[1, 3, usa, can] / 100)
    assert (economy.tariff_new[usa, 0] == economy.tariff[usa, 0]).all()
    exports = 1000 * (sold[3, :, mex].sum() - sold[3, mex, mex])
    made = max(output[3, mex], exports)
    assert_allclose(economy.trade[mex, mex, 3], made - exports)
    cost = (1 - share[3, mex]) * made * mix[mex, 5, 3]
    assert_allclose(economy.intermediate[mex, 5, 3], cost)
    assert_allclose(economy.theta, np.append(theta, np.full(s - traded, 8.22)))
    (tmp_path / "T.txt").write_text("1\n2\n")
    told = error_of(nafta.read_text_files, tmp_path)
    assert "T.txt: 2 x 1 numbers; it must have 20 x 1" in told


def test_a_name_or_folder_that_is_not_there_ends_in_a_line(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    base = ("--data", folder, "--out", tmp_path / "out")
    assert "no paper nafat: did you mean nafta" in mistake(
        "replicate", "--paper", "nafat", *base
    )
    words = ("replicate", "--paper", "nafta", *base)
    assert "neither an .npz nor xbilat1993.txt" in mistake(*words)
    assert "--draws 3: nafta takes none" in mistake(*words, "--draws", 3)
    store = tmp_path / "store"
    assert f"--tables {store}: nafta takes none" in mistake(*words, "--tables", store)
    told = mistake("scenario", "--example", "nafta")
    assert "nafta is a paper: tivax replicate --paper nafta --data FOLDER" in told
    assert not (tmp_path / "out").exists()


def test_partners_are_of_one_scenario_of_tariffs():
    economy = members()
    several = tx.exact_hat(economy, np.stack([economy.tariff, economy.tariff_new]))
    assert "of one scenario of new tariffs" in error_of(several.by_partner)
