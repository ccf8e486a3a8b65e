"""Trade elasticities: published triads, a known theta, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.bilateral.elasticities import Triads, jackknife_covariance

from helpers import error_of


def flows_of(theta: float, *, noise: float = 0.0, years: int = 1) -> pd.DataFrame:
    """Expenditure of eight countries in a sector, gross of tariffs, symmetric costs."""
    random = np.random.default_rng(2)
    names = list("ABCDEFGH")
    rows = pd.DataFrame(
        [(y, a, b) for y in range(years) for a in names for b in names if a != b],
        columns=["year", "exporter", "importer"],
    )
    size, cost = random.normal(size=(2, years, 8)), random.normal(size=(8, 8))
    sells, buys = (rows[k].map(names.index) for k in ("exporter", "importer"))
    rows["tariff"] = random.uniform(0, 0.4, len(rows))
    log = size[0][rows["year"], sells] + size[1][rows["year"], buys]
    log += (cost + cost.T)[sells, buys] - theta * np.log1p(rows["tariff"])
    rows["value"] = np.exp(log + noise * random.normal(size=len(rows)))
    return rows.assign(sector="S")


@pytest.fixture(scope="module")
def published(shared) -> dict[int, Triads]:
    """Caliendo and Parro's logs around triples: sector, y, z, countries of the triple."""
    path = shared / "data/gravity/caliendo_parro_triads.csv"
    rows = pd.read_csv(path, header=None, na_values="NaN").dropna(subset=[1, 2])
    found = {}
    for sector, its in rows.groupby(0):
        members = its.iloc[:, 3:].fillna(0).to_numpy() > 0
        triples = np.array([np.flatnonzero(row) for row in members])
        found[sector] = Triads(its[1].to_numpy(), its[2].to_numpy(), triples)
    return found


@pytest.mark.shared
def test_triads_are_those_of_the_archive(published):
    """What Estimation.do gives on these rows; four digits are written there."""
    wanted = {
        1: (8.1089, 1.8599, 496),
        2: (15.7202, 2.7618, 296),
        3: (2.5455, 0.6117, 495),
        4: (5.5611, 1.1446, 437),
        5: (10.8328, 2.5305, 315),
        6: (9.0652, 1.6926, 507),
    }
    for sector, (theta, se, n) in wanted.items():
        one = published[sector]
        assert (one.theta(), one.robust_se) == pytest.approx((theta, se), abs=1e-4)
        assert len(one.y) == n
    together = Triads(*map(np.concatenate, zip(*published.values(), strict=True)))
    assert together.theta() == pytest.approx(4.4329, abs=1e-4)
    assert together.robust_se == pytest.approx(0.3618, abs=1e-4)


@pytest.mark.shared
def test_triples_that_share_countries_are_not_independent(published):
    """Leaving out a country says six times the error of sector 1."""
    left_out = published[1].without_each(16)[None]
    assert jackknife_covariance(left_out)[0, 0] ** 0.5 == pytest.approx(10.80, abs=0.01)


@pytest.mark.parametrize("method", ["triads", "ppml"])
def test_a_known_theta_is_found_gross_and_net_of_tariffs(method):
    """Newton's last step leaves ten digits of a fit without error."""
    data = flows_of(6.0)
    gross = tx.trade_elasticities(data, method=method).table["theta"].item()
    data["value"] /= 1 + data["tariff"]
    net = tx.trade_elasticities(data, method=method, flows="net").table["theta"].item()
    assert (gross, net) == pytest.approx((6.0, 6.0), abs=1e-7)


def test_a_triad_by_hand():
    flows = np.array([[1.0, 2.0, 3.0], [5.0, 1.0, 7.0], [11.0, 13.0, 1.0]])
    rates = np.array([[0.0, 0.1, 0.0], [0.2, 0.0, 0.0], [0.0, 0.3, 0.0]])
    one = Triads.of(flows, rates)
    y = np.log(2 * 7 * 11 / (3 * 13 * 5))
    z = np.log(1.1 * 1 * 1 / (1 * 1.3 * 1.2))
    assert (one.y.item(), one.z.item()) == pytest.approx((y, z))
    assert one.theta() == pytest.approx(-y / z)


@pytest.mark.parametrize("method", ["triads", "ppml"])
def test_sectors_that_share_their_errors_are_correlated(method):
    """The same errors in two sectors: the correlation is 1, by PPML nearly."""
    both = pd.concat(
        [flows_of(5.0, noise=0.3), flows_of(5.5, noise=0.3).assign(sector="T")]
    )
    found = tx.trade_elasticities(both, method=method)
    V = found.covariance.to_numpy()
    np.testing.assert_allclose(found.table["se"], np.sqrt(np.diag(V)))
    assert V[0, 1] / np.sqrt(V[0, 0] * V[1, 1]) > 0.98


def test_sectors_below_0_are_refused_or_get_the_mean_of_the_others():
    data = pd.concat([flows_of(5.0, noise=0.1), flows_of(-2.0).assign(sector="T")])
    says = error_of(tx.trade_elasticities, data)
    assert says.startswith("1 of 2 sectors: theta is not above 0 (T -2)")
    found = tx.trade_elasticities(data, nonpositive="drop")
    assert found.table["sector"].tolist() == ["S", "*"]
    assert found.table["theta"].iloc[1] == pytest.approx(found.table["theta"].iloc[0])


def test_files_are_those_that_scenarios_read(tmp_path):
    found = tx.trade_elasticities(flows_of(5.0, noise=0.3))
    found.save(tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "theta.csv")
    assert table[["sector", "theta", "se"]].notna().all(axis=None)
    cells = pd.read_csv(tmp_path / "out" / "theta_covariance.csv")
    assert cells["covariance"].item() == pytest.approx(table["se"].item() ** 2)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"tariff": 8.5}, "tariff 8.5 of B, A: a rate, .085 for 8.5 %"),
        ({"value": -1.0}, "value -1 of B, A: a flow is 0 or more"),
        ({"importer": "C"}, "two rows for S, A to C"),
    ],
)
def test_a_row_that_cannot_be_is_named(change, says):
    data = flows_of(5.0)
    data.loc[0, list(change)] = list(change.values())
    assert error_of(tx.trade_elasticities, data) == says


def test_what_says_nothing_of_theta_is_refused():
    data = flows_of(5.0)
    flat = data.assign(tariff=0.0)
    says = error_of(tx.trade_elasticities, flat)
    assert says == (
        "sector S: no triple of countries has six flows and tariffs that differ"
    )
    says = error_of(tx.trade_elasticities, flows_of(5.0, years=2))
    assert says == "triads are of one year: choose it, or take ppml"
    says = error_of(tx.trade_elasticities, flat, method="ppml")
    assert says.startswith("sector S: cost does not vary within exporter-year")
