"""Satellite accounts of pymrio: its extensions, by stressor."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from ..core import TivaxError, local_path, show
from ..files import TableFile, finding
from ..tables import parse_year
from .pymrio_files import Extension, extension_names, find_systems, read_extension


class Satellite(NamedTuple):
    """A satellite account as ``footprints`` takes it.

    ``account`` (year, region, sector) of industries, and ``direct`` (year, region,
    category) of final demand itself, None where the system has none (pymrio's F, F_Y).

    Examples
    --------
    >>> folder = tx.to_pymrio(world, year=2000, path="footprint")
    >>> accounts = tx.Satellite.from_pymrio(folder)
    >>> [dict(k.account.sizes) for k in accounts.values()][:1]
    [{'year': 1, 'region': 3, 'sector': 4}]
    """

    account: xr.DataArray
    direct: xr.DataArray | None = None

    def __repr__(self) -> str:
        if not isinstance(self.account, xr.DataArray):
            return f"Satellite({show(self.account)}, which is no account)"
        sizes = " x ".join(f"{n} {k}" for k, n in self.account.sizes.items())
        direct = "" if self.direct is None else ", and of final demand itself"
        unit = self.account.attrs.get("units", "")
        unit = f" [{unit}]" if unit else ""
        return f"Satellite({self.account.name}{unit}: {sizes}{direct})"

    @classmethod
    def from_pymrio(
        cls, system: Any, year: int | None = None
    ) -> dict[str, "Satellite"]:
        """The satellite accounts of a system of pymrio by the names of their stressors.

        Parameters
        ----------
        system
            An ``IOSystem``, one ``Extension``, or the folder or archive of a saved
            system.
        year
            Of the system; a saved one may tell it.

        Returns
        -------
        dict
            By stressor, its levels joined by a blank. ``footprints(tables,
            *satellites[name])`` takes one as it is; its ``account`` alone goes to
            ``value_added=``.

        Raises
        ------
        TivaxError
            A system without extensions; a stressor of one name in two extensions; no
            year.

        Examples
        --------
        >>> folder = tx.to_pymrio(world, year=2000, path="accounts")
        >>> list(tx.Satellite.from_pymrio(folder))
        ['Value Added']
        """
        if isinstance(system, str | Path):
            file = one_system(system)
            when = year_of(file, year)
            named = {name: read_extension(file, name) for name in extension_names(file)}
        else:
            if year is None:
                raise TivaxError(
                    "a system of pymrio does not keep its year: give year=2014"
                )
            when, named = parse_year(year), _extensions_of(system)
        if not named:
            raise TivaxError("the system of pymrio has no extensions")
        satellites: dict[str, Satellite] = {}
        for name, extension in named.items():
            for stressor, satellite in _satellites_of(name, extension, when).items():
                if stressor in satellites:
                    raise TivaxError(
                        f"two extensions have a stressor {stressor}: {name} has one"
                    )
                satellites[stressor] = satellite
        return satellites


Satellites = Mapping[str, Satellite] | Iterable[Satellite | xr.DataArray]


def one_system(path: str | Path) -> TableFile:
    """The one system below a path."""
    systems = find_systems([local_path("path", path)])
    if len(systems) > 1:
        found = ", ".join(finding.location(k).rpartition("/")[0] for k in systems[:3])
        raise TivaxError(f"{path}: holds several systems ({found}); give one of them")
    return systems[0]


def year_of(file: TableFile, year: int | None) -> int:
    """The year that is given, else that which the system tells."""
    if year is not None:
        return parse_year(year)
    return finding.require_year(file, "give year=2014")


def _extensions_of(system: Any) -> dict[str, Extension]:
    """Extensions of an IOSystem, by the names of its attributes; or the one given."""
    if hasattr(system, "get_extensions"):
        named = {str(k): getattr(system, str(k)) for k in system.get_extensions()}
    elif hasattr(system, "F"):
        named = {str(system.name).lower().replace(" ", "_"): system}
    else:
        raise TivaxError(
            "system: give an IOSystem or an Extension of pymrio, or the folder of a "
            f"saved system, not a {type(system).__name__}"
        )
    extensions = {}
    for name, one in named.items():
        if one.F is None:
            raise TivaxError(
                f"extension {name} of pymrio has no F: calc_all() makes it"
            )
        units = [""] * len(one.F) if one.unit is None else one.unit.iloc[:, -1].tolist()
        extensions[name] = Extension(one.F, one.F_Y, list(map(str, units)))
    return extensions


def _satellites_of(name: str, extension: Extension, year: int) -> dict[str, Satellite]:
    F, F_Y, units = extension
    for frame in (F, F_Y):
        if frame is not None and not frame.index.is_unique:
            twice = frame.index[frame.index.duplicated()][0]
            raise TivaxError(f"extension {name}: {twice} is there twice")
    if F_Y is not None:
        if odd := F.index.symmetric_difference(F_Y.index).tolist():
            raise TivaxError(
                f"extension {name}: only one of F and F_Y has the row {odd[0]}"
            )
        F_Y = F_Y.reindex(F.index)
    cubes = [_cube(name, F, "sector")]
    cubes += [] if F_Y is None else [_cube(name, F_Y, "category")]
    levels = [str(k or "stressor") for k in F.index.names]
    found = {}
    for k, row in enumerate(F.index):
        parts = [str(p) for p in row] if isinstance(row, tuple) else [str(row)]
        about = {"units": units[k], "extension": name}
        about |= {"stressor": parts, "levels": levels}
        label = " ".join(parts)
        rows = [cube[k].expand_dims(year=[year]).rename(label) for cube in cubes]
        found[label] = Satellite(*(one.assign_attrs(about) for one in rows))
    return found


def _cube(name: str, frame: pd.DataFrame, inner: str) -> xr.DataArray:
    """Stressors by region and ``inner``, every region with every one."""
    columns = frame.columns
    if columns.nlevels != 2 or not columns.is_unique:
        raise TivaxError(
            f"extension {name}: columns must have two levels of labels, each pair once"
        )
    labels = [columns.get_level_values(k).unique() for k in (0, 1)]
    whole = pd.MultiIndex.from_product(labels)
    if missing := [k for k in whole.tolist() if k not in columns]:
        label = ":".join(map(str, missing[0]))
        raise TivaxError(f"extension {name}: columns lack {label}")
    values = frame.reindex(columns=whole).to_numpy(dtype=float)
    return xr.DataArray(
        values.reshape(len(frame), *map(len, labels)),
        {"region": list(map(str, labels[0])), inner: list(map(str, labels[1]))},
        ["stressor", "region", inner],
    )
