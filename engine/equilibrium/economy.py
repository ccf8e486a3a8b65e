"""An economy as plain arrays, its file and its check: trade, inputs, final demand."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import (
    Listing,
    NotFound,
    Printable,
    TivaxError,
    count_text,
    local_path,
    naming,
    number_text,
    percent_text,
    read_npz,
    require_choice,
    require_no_folder,
    require_writable,
    write_bytes,
)
from ..tables import WorldTables, find_region
from .from_tables import accounts_of_tables, require_rates, synthetic_accounts
from .kite import accounts_of_kite, write_kite
from .parameter_draws import ParameterDraws

_DIMENSIONS = {
    "trade": "importer, exporter, sector",
    "tariff": "importer, exporter, sector",
    "tariff_new": "importer, exporter, sector",
    "intermediate": "region, input, sector",
    "final": "region, sector",
    "value_added": "region, sector",
    "deficit": "region",
    "theta": "sector",
}
_OPTIONAL = {
    "theta_se": "sector",
    "theta_covariance": "sector, sector",
    "markup": "sector",
}
# Accounts must add up to this: of a region's value added, or of an industry's output.
# Published trade, production and input-output tables that were fitted to each other
# are rounded to less.
ADDS_UP = 1e-3
# What is left of a variance that others explain, of it: rounding.
_MOVES = 1e-9
# Published input-output tables have inputs that are negative by less, of output.
_NEGATIVE_INPUT = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class Economy(Printable):
    """A world in equilibrium, and tariffs that will change it. One unit of money.

    Attributes
    ----------
    regions, sectors
        Labels, r and s of them.
    trade : (importer, exporter, sector)
        What the importer buys, net of tariffs; sales at home are on the diagonal.
    tariff, tariff_new : (importer, exporter, sector)
        Rates (0.05 is 5 %), now and in the counterfactual.
    intermediate : (region, input, sector)
        Inputs that a sector buys, tariffs included. Cells may be negative down to
        -0.1 % of the sector's output, as they are in published tables.
    final : (region, sector)
        Final demand by sector bought, tariffs included. Negative cells, and what was
        made of them, are explained below.
    value_added : (region, sector)
        Value added by sector.
    deficit : (region,)
        Imports less exports.
    theta : (sector,)
        Trade elasticity: 1 % more cost, theta % less trade. A sector that is not traded
        has one all the same.
    name
        For messages: the file, or the tables and their year.
    source
        The database, whose sectors have titles.
    theta_se : (sector,), optional
        Standard errors of ``theta``.
    theta_covariance : (sector, sector), optional
        Their covariance, whose diagonal stands for ``theta_se``; without it sectors are
        independent.
    markup : (sector,), optional
        Price over cost, from 1: profits, 1 - 1 / markup of sales, are part of value
        added and belong to the region that sells (Ossa 2014). By default 1.
    tables, year
        The year of tables that it was made of, if so.

    Raises
    ------
    TivaxError
        For arrays that do not fit the labels, negative or missing values, a new rate
        above 3 (300 per cent) that is not old, and accounts that do not add up to
        0.1 %: an industry's sales are its inputs and value added;
        what a region buys of a sector is used as inputs or final demand; the deficit is
        imports less exports. Final demand that is negative counts as zero, and the rest
        of the region's as scaled to income (Caliendo and Parro 2015 do so); a file may
        have done that already. ``zeroed`` counts these cells.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4)
    >>> economy.trade.shape
    (3, 3, 4)
    """

    regions: Sequence[str]
    sectors: Sequence[str]
    trade: np.ndarray
    tariff: np.ndarray
    tariff_new: np.ndarray
    intermediate: np.ndarray
    final: np.ndarray
    value_added: np.ndarray
    deficit: np.ndarray
    theta: np.ndarray
    name: str = "economy"
    source: str = ""
    theta_se: np.ndarray | None = None
    theta_covariance: np.ndarray | None = None
    markup: np.ndarray | None = None
    tables: WorldTables | None = None
    year: int | None = None

    def __post_init__(self) -> None:
        for name in ("regions", "sectors"):
            labels = _labels(self.name, name, getattr(self, name))
            object.__setattr__(self, name, labels)
        for name in (*_DIMENSIONS, *self._given):
            object.__setattr__(self, name, _numbers(self, name))
        if self.theta_covariance is not None:
            errors = np.sqrt(np.diag(self.theta_covariance))
            object.__setattr__(self, "theta_se", errors)
        _check_values(self)
        check_accounts(self)

    @property
    def _given(self) -> list[str]:
        """Names of the optional arrays that are there."""
        return [k for k in _OPTIONAL if getattr(self, k) is not None]

    @property
    def profit(self) -> Float[np.ndarray, " s"]:
        """Profits by sector, as a share of sales."""
        return 0 * self.theta if self.markup is None else 1 - 1 / self.markup

    @property
    def wages(self) -> Float[np.ndarray, "r s"]:
        """Value added less profits, by region and sector."""
        return self.value_added - self.profit * self.output

    @property
    def output(self) -> Float[np.ndarray, "r s"]:
        """Sales by region and sector, net of tariffs."""
        return self.trade.sum(axis=0)

    @property
    def spending(self) -> Float[np.ndarray, "r s"]:
        """Purchases of each region by sector, tariffs included."""
        return (self.trade * (1 + self.tariff)).sum(axis=1)

    @property
    def income(self) -> Float[np.ndarray, " r"]:
        """Value added, tariff revenue and deficit of each region."""
        revenue = (self.trade * self.tariff).sum(axis=(1, 2))
        return self.value_added.sum(axis=1) + revenue + net_imports(self.trade)

    @property
    def theta_root(self) -> Float[np.ndarray, "s s"]:
        """A root of the covariance of log theta, whose draws are lognormal: 0 without
        errors; ``TivaxError`` for what is no covariance."""
        V = self.theta_covariance
        if V is None:
            errors = 0 * self.theta if self.theta_se is None else self.theta_se
            V = np.diag(errors**2)
        with np.errstate(invalid="ignore", divide="ignore"):  # of no lognormal draws
            logs = np.log1p(V / np.outer(self.theta, self.theta))
        root = np.zeros_like(logs)
        for k in range(len(root)):  # Cholesky's, where sectors may move as one
            left = logs[k, k] - root[k] @ root[k]
            if left > _MOVES * logs[k, k]:
                root[k:, k] = (logs[k:, k] - root[k:] @ root[k]) / np.sqrt(left)
        if not np.abs(root @ root.T - logs).max() <= _MOVES * np.diag(logs).max():
            wrong = "covariance of theta is not positive definite"
            raise TivaxError(f"{self.name}: {wrong}")
        return root

    @property
    def zeroed(self) -> int:
        """Cells of final demand that are negative, or were, and count as zero."""
        return int((_zeroed(self) | (self.final < 0)).sum())

    @property
    def negative_inputs(self) -> int:
        """Cells of ``intermediate`` that are negative."""
        return int((self.intermediate < 0).sum())

    @property
    def digest(self) -> str:
        """A checksum of labels and arrays."""
        labels = (np.array(self.regions), np.array(self.sectors))
        names = [*_DIMENSIONS, *(["markup"] * (self.markup is not None))]
        return digest_of(*labels, *(getattr(self, name) for name in names))

    @classmethod
    def from_tables(
        cls,
        tables: WorldTables,
        year: int,
        elasticities: str | Path | pd.DataFrame,
        tariffs: str | Path | pd.DataFrame | None = None,
        elasticities_covariance: str | Path | pd.DataFrame | None = None,
    ) -> "Economy":
        """An economy from one year of tables.

        Parameters
        ----------
        tables, year
            Z, Y and output of that year. Value added is output less inputs.
        elasticities
            A csv or frame with columns sector, theta, and where there are any se, the
            standard errors, and markup (price over cost, from 1). A row ``*`` is for
            all sectors that are not named, and one draw. "caliendo-parro": table 1 of
            Caliendo and Parro (2015), by sectors of WIOD.
        tariffs
            A csv or frame with columns importer, exporter, sector, tariff, tariff_new
            (rates; 0.05 is 5 %). ``*`` is every label; later rows overrule earlier
            ones. What is not named has no tariff, nor has what a region buys of itself,
            also where a row says so. None: no tariffs.
        elasticities_covariance
            A csv or frame with columns sector, other, covariance, as
            ``tx.trade_elasticities`` writes it: errors are drawn jointly.

        Returns
        -------
        Economy
            Flows of the table are net of tariffs; purchases, and the costs of
            industries, hold tariffs on top, and value added pays for those on inputs.

        Raises
        ------
        TivaxError
            For a label or column that the tables or files lack.

        Notes
        -----
        Final demand can be negative, where stocks are sold. These cells are set to
        zero, and output is what the remaining final demand requires at the same input
        coefficients, x = (I - A)^-1 Y 1, so that the accounts add up again.

        Examples
        --------
        >>> thetas = pd.DataFrame({"sector": ["*"], "theta": [5.0]})
        >>> tx.Economy.from_tables(world, 2000, thetas).output.shape
        (3, 4)
        """
        given = elasticities, tariffs, elasticities_covariance
        return cls(**accounts_of_tables(tables, year, *given))

    @classmethod
    def synthetic(
        cls, regions: int = 31, sectors: int = 40, seed: int = 0
    ) -> "Economy":
        """An economy of any size with tariffs to be halved: nothing in it is data.

        Trade, inputs and final demand are those of ``synthetic_world``; elasticities
        are between 2 and 12; goods have tariffs up to 20 %.

        Examples
        --------
        >>> tx.Economy.synthetic(regions=3, sectors=4, seed=1).zeroed
        0
        """
        return cls(**synthetic_accounts(regions, sectors, seed))

    @classmethod
    def read(cls, path: str | Path) -> "Economy":
        """Read an economy from a NumPy file (.npz), or from a folder of KITE's csv.

        An .npz has the arrays of ``Economy``. KITE's trade_share.csv,
        intermediate_share.csv, factor_share.csv, expenditure.csv, trade_elasticity.csv
        and, where there are any, tariff.csv and tariff_new.csv (1 + rate) become an
        economy as in ``calibrate`` of KITE.jl: its shares stay, and final demand that
        would be negative is zero.

        Raises
        ------
        TivaxError
            For a file that is missing or not an .npz or csv, an array or column that it
            lacks, and what ``Economy`` refuses.

        Examples
        --------
        >>> tx.Economy.synthetic(regions=3, sectors=4).save("economy.npz")
        >>> tx.Economy.read("economy.npz").regions
        ('R01', 'R02', 'ROW')
        """
        path = local_path("path", path)
        if path.is_dir():
            return cls(**accounts_of_kite(path))
        if not path.is_file():
            raise NotFound(f"{path}: no such file")
        wanted = ("regions", "sectors", *_DIMENSIONS)
        found = read_npz(path, (*wanted, *_OPTIONAL))
        if missing := [name for name in wanted if name not in found]:
            raise TivaxError(
                f"{path}: no array {missing[0]}; an economy has {', '.join(wanted)}"
            )
        arrays: dict[str, Any] = {name: found[name] for name in wanted}
        for name in ("regions", "sectors"):
            arrays[name] = _labels(str(path), name, arrays[name])
        arrays |= {name: found.get(name) for name in _OPTIONAL}
        return cls(**arrays, name=str(path))

    def save(self, path: str | Path, *, format: str = "npz") -> None:
        """Write the economy in a form that ``Economy.read`` reads.

        ``format`` is npz, or kite: a new folder of csv that KITE reads. KITE keeps
        shares of value added between 0.0001 and 0.9999.

        Examples
        --------
        >>> tx.Economy.synthetic(regions=3, sectors=4).save("for-kite", format="kite")
        >>> tx.Economy.read("for-kite").sectors
        ('S01', 'S02', 'S03', 'S04')
        """
        path = local_path("path", path)
        require_choice("format", format, ("npz", "kite"))
        if format == "kite":
            write_kite(self, path)
            return
        arrays = {name: getattr(self, name) for name in (*_DIMENSIONS, *self._given)}
        labels = {k: np.array(getattr(self, k)) for k in ("regions", "sectors")}
        require_no_folder(path)
        require_writable(path)
        file = io.BytesIO()
        np.savez_compressed(file, **labels, **arrays)
        write_bytes(path, file.getbuffer())

    @staticmethod
    def parameter_draws(**accounts: Any) -> ParameterDraws:
        """Scenarios where elasticities and trade costs are draws of estimates.

        Accounts need not add up: a base without inventories is solved first. Names and
        shapes are those of ``ParameterDraws``, whose ``solve`` gives per cent changes
        of real final spending (draw, scenario, region), and ``TivaxError`` where no
        draw has an equilibrium; ``control_variates`` make their means precise.

        Examples
        --------
        >>> half, none = np.full((2, 2, 1), 0.5), np.zeros((2, 2, 1))
        >>> one, ended = np.ones((2, 1)), np.array([[[0.0, -1.0], [-1.0, 0.0]]])
        >>> drawn = tx.Economy.parameter_draws(
        ...     shares=half, tariff=none, value_added=one, inputs=np.zeros((2, 1, 1)),
        ...     budget=one, spending=one, income=np.ones(2), surplus=np.zeros(2),
        ...     ended=ended, chosen=np.ones((1, 1)), tariff_new=none[None],
        ...     surplus_new=np.zeros((1, 2)),
        ... )
        >>> found = drawn.solve(np.array([[4.0], [5.0]]), np.full((2, 1, 1), 0.1))
        >>> found.percent[:, 0, 0].round(2)
        array([-4.4 , -4.29])
        """
        return ParameterDraws(**accounts)

    def without_inputs(self) -> "Economy":
        """The economy where all purchases are final, and output is value added."""
        return replace(
            self,
            intermediate=np.zeros_like(self.intermediate),
            final=self.spending,
            value_added=self.output,
            tables=None,
        )

    def _listings(self) -> Sequence[Listing]:
        imports = self.trade.sum(axis=(1, 2)) - np.einsum("nnj->n", self.trade)
        added = self.value_added.sum(axis=1)
        worst = float(np.max(np.abs(self.deficit) / added))
        changed = int((self.tariff_new != self.tariff).sum())
        rows = [
            ("value added", number_text(self.value_added.sum())),
            ("imports, of value added", number_text(imports.sum() / added.sum())),
            ("largest deficit, of value added", number_text(worst)),
            ("tariffs that change", f"{changed:,}"),
        ]
        title = (
            f"Economy: {count_text(len(self.regions), 'region')} x "
            f"{count_text(len(self.sectors), 'sector')} ({self.name})"
        )
        return [Listing(title, (), rows)]


def digest_of(*arrays: np.ndarray) -> str:
    """A checksum of what arrays hold."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype} {array.shape} ".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def place_of(economy: Economy, region: str) -> int:
    """The position of a region; ``NotFound`` where the economy has none of the name."""
    with naming(economy.name):
        return economy.regions.index(find_region(region, economy.regions))


def net_imports(trade: Float[np.ndarray, "r r s"]) -> Float[np.ndarray, " r"]:
    """Imports less exports by region; home sales cancel."""
    return trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2))


def _labels(where: str, name: str, values: object) -> tuple[str, ...]:
    array = np.atleast_1d(np.asarray(values))
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.ndim != 1 or array.dtype.kind not in "UO" or not array.size:
        raise TivaxError(f"{where}: {name} must be a list of labels")
    if not all(isinstance(label, str) and label for label in array.tolist()):
        raise TivaxError(f"{where}: {name} must be a list of texts")
    labels = tuple(array.tolist())
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise TivaxError(f"{where}: {name} has {twice[0]} twice")
    return labels


def _numbers(economy: Economy, name: str) -> np.ndarray:
    words = {**_DIMENSIONS, **_OPTIONAL}[name]
    shape = tuple(map(len, _axes(economy, words)))
    try:
        array = np.array(getattr(economy, name), dtype=np.float64)
    except (TypeError, ValueError):
        raise TivaxError(f"{economy.name}: {name} is not an array of numbers") from None
    if array.shape != shape:
        raise TivaxError(
            f"{economy.name}: {name} has the shape {array.shape}; it must be "
            f"({words}) = {shape}"
        )
    array.flags.writeable = False
    return array


def _axes(economy: Economy, dimensions: str) -> list[Sequence[str]]:
    """The labels of each dimension."""
    return [
        economy.sectors if name in ("input", "sector") else economy.regions
        for name in dimensions.split(", ")
    ]


def _label_of(economy: Economy, name: str, cell: Sequence[int]) -> str:
    """Labels of a cell of an array: ``MEX, USA, Textile``."""
    axes = _axes(economy, _DIMENSIONS[name])
    return ", ".join(labels[k] for labels, k in zip(axes, cell, strict=True))


def _check_values(economy: Economy) -> None:
    def refuse(name: str, bad: np.ndarray, wanted: str) -> None:
        if bad.any():
            cell = np.argwhere(bad)[0].tolist()
            value = getattr(economy, name)[tuple(cell)]
            raise TivaxError(
                f"{economy.name}: {name} of {_label_of(economy, name, cell)} is "
                f"{value:g}; {wanted}"
            )

    for name in _DIMENSIONS:
        refuse(name, ~np.isfinite(getattr(economy, name)), "it must be a number")
    refuse("trade", economy.trade < 0, "it must not be negative")
    least = -_NEGATIVE_INPUT * economy.output[:, None, :]
    share = percent_text(_NEGATIVE_INPUT, 1)
    wanted = f"it must not be negative by more than {share} of the sector's output"
    refuse("intermediate", economy.intermediate < least, wanted)
    for name in ("tariff", "tariff_new"):
        refuse(name, getattr(economy, name) <= -1, "a rate must be above -1")
    require_rates(f"{economy.name}: tariff_new", economy.tariff_new, economy.tariff)
    home = np.eye(len(economy.regions), dtype=bool)[:, :, None]
    moved = home & (economy.tariff_new != economy.tariff)
    refuse("tariff_new", moved, "at home it must be what tariff is, usually 0")
    refuse("theta", economy.theta <= 0, "an elasticity must be positive")
    errors = economy.theta_se
    if errors is not None and not (np.isfinite(errors) & (errors >= 0)).all():
        raise TivaxError(f"{economy.name}: theta_se must hold numbers from 0")
    _ = economy.theta_root
    _check_markups(economy)
    spent = np.maximum(economy.final, 0).sum(axis=1)
    total = economy.value_added.sum(axis=1)
    for region, bought, added in zip(economy.regions, spent, total, strict=True):
        if bought <= 0:
            raise TivaxError(f"{economy.name}: {region} has no final demand")
        if added <= 0:
            raise TivaxError(
                f"{economy.name}: value added of {region} is {added:g}; it must be "
                "positive"
            )


def _check_markups(economy: Economy) -> None:
    """Raise ``TivaxError`` for a markup below 1, and profits that leave no wages."""
    if economy.markup is None:
        return
    if not (np.isfinite(economy.markup) & (economy.markup >= 1)).all():
        raise TivaxError(f"{economy.name}: markup must hold numbers from 1")
    for cell in np.argwhere((economy.wages <= 0) & (economy.output > 0)).tolist()[:1]:
        raise TivaxError(
            f"{economy.name}: profits of {_label_of(economy, 'final', cell)} are all "
            "of its value added or more; take a lower markup"
        )


def check_accounts(economy: Economy) -> None:
    """Raise ``TivaxError`` with the largest gap unless the economy adds up."""
    sold, used = economy.output, economy.intermediate.sum(axis=2)
    paid = economy.intermediate.sum(axis=1) + economy.value_added
    # An industry below a millionth of its region is measured against that.
    least = np.maximum(1e-6 * sold.sum(axis=1, keepdims=True), 1e-300)
    for words, name, one, other, size in (
        (
            "sales of {} are not inputs and value added of {}",
            "value_added",
            sold,
            paid,
            np.maximum(np.maximum(sold, np.abs(paid)), least),
        ),
        (
            "purchases of {} are not inputs and final demand of {}",
            "final",
            used + _expected_final(economy),
            used + economy.final,
            np.abs(economy.income)[:, None],
        ),
        (
            "imports less exports are {}, the deficit {}",
            "deficit",
            net_imports(economy.trade),
            economy.deficit,
            economy.value_added.sum(axis=1),
        ),
    ):
        gap = np.abs(one - other)
        if (gap / size > ADDS_UP).any():
            cell = tuple(np.argwhere(gap / size == (gap / size).max())[0].tolist())
            sides = (f"{side[cell]:,.6g}" for side in (one, other))
            remedy = ""
            if name == "deficit" and not economy.deficit.any():
                remedy = (
                    "; write the deficits that trade has: deficits = 'zero' closes them"
                )
            raise TivaxError(
                f"{economy.name}: does not add up: {_label_of(economy, name, cell)}: "
                f"{words.format(*sides)}, a gap of {gap[cell]:,.3g}; at most "
                f"{percent_text(ADDS_UP, 1)} is allowed{remedy}"
            )


def _zeroed(economy: Economy) -> np.ndarray:
    """Cells of final demand that were set to zero."""
    left = economy.spending - economy.intermediate.sum(axis=2)
    return (economy.final == 0) & (left < -ADDS_UP * economy.income[:, None])


def _expected_final(economy: Economy) -> np.ndarray:
    """Final demand that purchases leave, by region and sector.

    Where final demand was set to zero, the other cells of the region hold all of it, or
    that scaled to income.
    """
    zeroed, income = _zeroed(economy), economy.income
    left = economy.spending - economy.intermediate.sum(axis=2)
    kept = np.where(zeroed, 0, left)
    total, final = kept.sum(axis=1), economy.final.sum(axis=1)
    scaled = np.where(total > 0, income / np.where(total > 0, total, 1), 1)
    near = np.abs(final - income) < np.abs(final - total)
    return kept * np.where(zeroed.any(axis=1) & near, scaled, 1)[:, None]
