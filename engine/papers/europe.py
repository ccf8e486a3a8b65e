"""The archive of Felbermayr, Groeschl and Heiland (2022): 44 countries, 50 industries.

Journal of International Economics 103647, "Complex Europe: Quantifying the cost of
disintegration". The 3 industries of their second folder are added up from the 50,
since the tariffs of that folder are damaged.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, load_toml
from .archives import read_numbers, require_file

_FACTS = load_toml(__package__, "europe.toml")
ARCHIVE, THREE, RATES, TRANSFERS = FILES = tuple(_FACTS["files"])
REGIONS: list[str] = _FACTS["regions"]
INDUSTRIES = 50
_NAMES: dict[str, list[str]] = _FACTS["memberships"]
MEMBERSHIPS = [*_NAMES]
_ELASTICITY = "bltau"
# Industries of the 50, from 0, in each of the 3.
GROUPS = (range(22), range(26, 45), (*range(22, 26), *range(45, 50)))
# Tariff factors above this are damage: agriculture has the highest.
_HIGHEST = 6.0
# Where a tariff's coefficient is -1 trade does not answer to costs.
_LEAST_ELASTICITY = 1e-3


@dataclass(frozen=True)
class Europe:
    """Accounts of r countries and s industries, in million US$.

    Attributes
    ----------
    shares, tariff : (buyer, seller, industry)
        Of spending, and rates.
    lapsed : of the same shape, by name
        Rates when the customs union (``EU``), other agreements (``RTA``) or ``all`` of
        them have ended, and ``members``: all, where Norway's do not change.
    value_added, inputs, budget
        Per unit of output (buyer, input, industry), and shares of final spending.
    spending : (buyer, industry)
    output : (country, industry), inventories included
    income, surplus : value added, and net exports without inventories.
    """

    shares: Float[np.ndarray, "r r s"]
    tariff: Float[np.ndarray, "r r s"]
    lapsed: Mapping[str, Float[np.ndarray, "r r s"]]
    value_added: Float[np.ndarray, "r s"]
    inputs: Float[np.ndarray, "r s s"]
    budget: Float[np.ndarray, "r s"]
    spending: Float[np.ndarray, "r s"]
    output: Float[np.ndarray, "r s"]
    income: Float[np.ndarray, " r"]
    surplus: Float[np.ndarray, " r"]

    @property
    def trade(self) -> Float[np.ndarray, "r r s"]:
        """Flows net of tariffs."""
        return self.shares / (1 + self.tariff) * self.spending[:, None, :]

    @property
    def revenue(self) -> Float[np.ndarray, " r"]:
        """Revenue of tariffs."""
        return (self.trade * self.tariff).sum(axis=(1, 2))


@dataclass(frozen=True)
class Estimates:
    """Draws of coefficients: of log tariffs, and of memberships."""

    tariff: Float[np.ndarray, "k s"]
    effects: Float[np.ndarray, "k d s"]

    @property
    def theta(self) -> Float[np.ndarray, "k s"]:
        """Trade elasticities of flows that include tariffs."""
        return np.maximum(-self.tariff - 1, _LEAST_ELASTICITY)

    @property
    def costs(self) -> Float[np.ndarray, "k d s"]:
        """Logarithm by which costs rise when a membership ends."""
        return self.effects / -self.tariff[:, None, :]

    def merged(self, output: Float[np.ndarray, "r s"]) -> "Estimates":
        """Parameters of the 3 industries: means weighted by the world's output.

        The last is not traded: an elasticity of its own, and no effects.
        """
        weight = output.sum(axis=0)
        tariff = np.empty((len(self.tariff), len(GROUPS)))
        effects = np.zeros((*self.effects.shape[:2], len(GROUPS)))
        for k, members in enumerate(GROUPS):
            some = [*members]
            w = weight[some] / weight[some].sum()
            tariff[:, k] = self.tariff[:, some] @ w
            if k < len(GROUPS) - 1:
                effects[:, :, k] = self.effects[:, :, some] @ w
        return Estimates(tariff, effects)


def read_europe(folder: Path) -> Europe:
    """The 50 industries, checked.

    Raises ``TivaxError`` for a file that is missing or of another shape, shares that do
    not add to 1, tariffs that are not plausible, and accounts that do not add up.
    """
    path = folder / ARCHIVE
    r, s = len(REGIONS), INDUSTRIES
    shares, factors, spending = read_purchases(path)
    budget, added, inventory = (
        _read_member(path, name, (s, r)).T for name in ("alphas", "B", "inventory2014")
    )
    mix = _read_member(path, "G", (r * s, s)).reshape(r, s, s)
    income, surplus = (_read_member(path, k, (r, 1))[:, 0] for k in ("VA_n", "S_n"))
    output = (shares / factors * spending[:, None, :]).sum(axis=0) + inventory
    made = (added * output).sum(axis=1)
    gap = np.abs(made / income - 1)
    if not (gap < 1e-6).all():
        n = int(np.argmax(gap))
        raise TivaxError(
            f"{path}: VA_n.txt: value added of {REGIONS[n]} is {income[n]:.6g}, that "
            f"of its output by B.txt {made[n]:.6g}"
        )
    tariff = factors - 1
    return Europe(
        shares=shares,
        tariff=tariff,
        lapsed=_lapsed(folder, tariff),
        value_added=added,
        inputs=mix * (1 - added)[:, None, :],
        budget=budget,
        spending=spending,
        output=output,
        income=income,
        surplus=surplus,
    )


def read_purchases(
    path: Path,
) -> tuple[
    Float[np.ndarray, "r r s"], Float[np.ndarray, "r r s"], Float[np.ndarray, "r s"]
]:
    """Shares of spending and tariff factors (buyer, seller, industry), and spending."""
    r, s = len(REGIONS), INDUSTRIES
    shares, factors = (
        _read_member(path, name, (s * r, r)).reshape(s, r, r).transpose(1, 2, 0)
        for name in ("Din2014", "tariffs2014")
    )
    spending = _read_member(path, "X0", (s, r)).T
    total = shares.sum(axis=1)
    if (bad := (np.abs(total - 1) > 1e-6) & (total != 0)).any():
        n, j = np.argwhere(bad)[0].tolist()
        raise TivaxError(
            f"{path}: Din2014.txt: shares of {REGIONS[n]} in industry {j + 1} add to "
            f"{total[n, j]:.6g}, not 1"
        )
    if (bad := (factors < 1) | (factors > _HIGHEST)).any():
        n, i, j = np.argwhere(bad)[0].tolist()
        raise TivaxError(
            f"{path}: tariffs2014.txt: the factor of {REGIONS[n]} on {REGIONS[i]} in "
            f"industry {j + 1} is {factors[n, i, j]:.4g}; from 1 to {_HIGHEST:g} is "
            "plausible"
        )
    return shares, factors, spending


def _lapsed(
    folder: Path, tariff: Float[np.ndarray, "r r s"]
) -> Mapping[str, np.ndarray]:
    """Most-favoured-nation rates where agreements have ended.

    Between members of the single market; with partners of an agreement that lapses
    where the rate is above that of now. The rest of the world has no rates in the file.
    """
    path = require_file(folder / RATES)
    try:
        table = pd.read_stata(path)[["iso2", "iso1", "sector", "tau_mfn_w"]]
    except (ValueError, KeyError, OSError) as error:
        line = str(error).splitlines()[0]
        raise TivaxError(f"{path}: not the Stata file of tariffs: {line}") from None
    rates = np.zeros_like(tariff)
    places = {code: k for k, code in enumerate(REGIONS)}
    at = [table[k].map(places) for k in ("iso2", "iso1")]
    at.append(table["sector"] - 1)
    if any(k.isna().any() for k in at):
        raise TivaxError(f"{path}: a country that the archive does not have")
    rates[tuple(k.to_numpy(int) for k in at)] = table["tau_mfn_w"]
    if (bad := ~((rates >= 0) & (rates < _HIGHEST))).any():
        n, i, j = np.argwhere(bad)[0].tolist()
        raise TivaxError(
            f"{path}: the rate of {REGIONS[n]} on {REGIONS[i]} in industry {j + 1} is "
            f"{rates[n, i, j]:.4g}"
        )
    ended = read_memberships(folder) != 0
    inside = ended[0]
    partners = ended[3] | ended[4]
    norway = np.outer(inside.any(axis=0), np.array(REGIONS) == "NOR")
    union = inside | norway | norway.T
    higher = np.where(partners[:, :, None], np.maximum(rates, tariff), tariff)
    return {
        "EU": np.where(union[:, :, None], rates, tariff),
        "RTA": higher,
        "all": np.where(union[:, :, None], rates, higher),
        "members": np.where(inside[:, :, None], rates, higher),
    }


def read_memberships(folder: Path) -> Float[np.ndarray, "d r r"]:
    """Counterfactual less actual memberships by pair, in the order of MEMBERSHIPS."""
    path, r = folder / THREE, len(REGIONS)
    names = [f"dummy_diff_{k}" for k, *_ in _NAMES.values()]
    ended = np.stack([_read_member(path, k, (r, r)) for k in names])
    if (ended > 0).any():
        d = int(np.argwhere(ended > 0)[0, 0])
        raise TivaxError(f"{path}: {names[d]}.txt: a membership begins")
    return ended


def read_transfers(folder: Path) -> Float[np.ndarray, " r"]:
    """Operating budgetary balances of the EU's members, million US$."""
    path = require_file(folder / TRANSFERS)
    try:
        found = json.loads(path.read_text())
        return np.array([float(found.get(code, 0)) for code in REGIONS])
    except (ValueError, TypeError, AttributeError):
        raise TivaxError(f"{path}: not countries with a number each") from None


def read_estimates(folder: Path, *, three: bool) -> Estimates:
    """Draws for the 50 industries, or those that were estimated for 3."""
    path = folder / (THREE if three else ARCHIVE)
    names = [(coarse if three else fine) for _, fine, coarse in _NAMES.values()]
    end = "_sec-aest" if three else "-sec-nnew"
    form = {"header": not three, "separator": "," if three else "\t"}
    shape = None, len(GROUPS) if three else INDUSTRIES
    tariff = _read_member(path, _ELASTICITY + end, shape, **form)
    effects = [_read_member(path, k + end, tariff.shape, **form) for k in names]
    if (tariff > -1).any():
        k, j = np.argwhere(tariff > -1)[0].tolist()
        raise TivaxError(
            f"{path}: {_ELASTICITY}{end}.txt: draw {k + 1} of industry {j + 1} is "
            f"{tariff[k, j]:.4g}; at most -1 is an elasticity of trade"
        )
    return Estimates(tariff, np.stack(effects, axis=1))


def merged(europe: Europe) -> Europe:
    """The 3 industries: flows and inputs net of tariffs added up, the rest follows."""
    paid = europe.trade * (1 + europe.tariff)
    net = _sums(europe.trade)
    bought = _sums(paid)
    spending = bought.sum(axis=1)

    def mean_rate(rates: np.ndarray) -> np.ndarray:
        due = _sums(europe.trade * rates)
        return np.where(net > 0, due / np.where(net > 0, net, 1), 0)

    tariff = mean_rate(europe.tariff)
    output = _sums(europe.output)
    # Of what is spent the part that sellers get, by industry before and after.
    before = (europe.shares / (1 + europe.tariff)).sum(axis=1)
    after = net.sum(axis=1) / spending
    used = europe.inputs * europe.output[:, None, :] * before[:, :, None]
    used = _sums(_sums(used).swapaxes(1, 2)).swapaxes(1, 2) / after[:, :, None]
    inputs = used / output[:, None, :]
    final = spending - used.sum(axis=2)
    added = 1 - inputs.sum(axis=1)
    return Europe(
        shares=bought / spending[:, None, :],
        tariff=tariff,
        lapsed={name: mean_rate(rates) for name, rates in europe.lapsed.items()},
        value_added=added,
        inputs=inputs,
        budget=final / final.sum(axis=1, keepdims=True),
        spending=spending,
        output=output,
        income=(added * output).sum(axis=1),
        surplus=europe.surplus,
    )


def _sums(values: Float[np.ndarray, "*k s"]) -> Float[np.ndarray, "*k t"]:
    return np.stack([values[..., [*k]].sum(axis=-1) for k in GROUPS], axis=-1)


def _read_member(
    path: Path,
    name: str,
    shape: Sequence[int | None],
    *,
    header: bool = False,
    separator: str = ",",
) -> Float[np.ndarray, "n m"]:
    """A member of an archive; None stands for any number of rows."""
    try:
        with zipfile.ZipFile(require_file(path)) as archive:
            content = io.BytesIO(archive.read(f"{name}.txt"))
    except zipfile.BadZipFile:
        raise TivaxError(f"{path}: not a zip file") from None
    except KeyError:
        raise TivaxError(f"{path}: no {name}.txt in it") from None
    form = {"header": header, "separator": separator, "content": content}
    return read_numbers(path / f"{name}.txt", shape, **form)
