"""Accounts traced through the tables: value added as defined, or a satellite
account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from ..core import TivaxError, percent_text, require_kind, suggest
from ..tables import WorldTables, YearArray, as_float64, require_tables, satellites

Definition = Literal["residual", "basic"]
ValueAdded = Definition | xr.DataArray
"""How value added is defined, or a satellite account in its place."""


@dataclass(frozen=True)
class Account:
    """Value added by a definition, or a satellite account in its place.

    Raises ``TivaxError`` for a definition that does not exist and for anything else,
    such as a bare array.
    """

    value_added: ValueAdded

    def __post_init__(self) -> None:
        require_kind(
            "value_added",
            self.value_added,
            str | xr.DataArray,
            f"{' or '.join(get_args(Definition))}, or a DataArray with the dims year, "
            "region and sector (of tx.read_satellites)",
        )
        if isinstance(self.value_added, str):
            require_value_added(self.value_added)

    @property
    def satellite(self) -> xr.DataArray | None:
        """The satellite account; None for value added."""
        return None if isinstance(self.value_added, str) else self.value_added

    @property
    def name(self) -> str:
        """The definition, or the name of the satellite account."""
        of = self.value_added
        return of if isinstance(of, str) else self.satellite_name

    @property
    def satellite_name(self) -> str:
        """The name of a satellite account, for figures; empty of value added itself."""
        return "" if self.satellite is None else str(self.satellite.name or "")

    def unit(self, tables: WorldTables) -> str:
        """The unit of flows of value added."""
        if self.satellite is None:
            return tables.unit
        return str(self.satellite.attrs.get("units", ""))

    def rows(self, tables: WorldTables) -> YearArray | None:
        """Value added of industries (t, n); None for the residual.

        Raises ``TivaxError`` for tables without a value-added row (``basic``), or if
        the satellite account does not fit the tables.
        """
        require_tables(tables)
        if self.satellite is not None:
            return satellites.align(self.satellite, tables)
        if self.value_added == "residual":
            return None
        if tables.value_added is None:
            raise TivaxError(
                f"{tables.source or 'these tables'}: no value-added row; "
                'use value_added="residual"',
                argument="value_added",
            )
        return tables.value_added

    def by_industry(self, tables: WorldTables) -> xr.DataArray:
        """A satellite account (year, region, sector) equal to it; 0 without output."""
        rows = self.rows(tables)
        x = as_float64(tables.x[:])
        values = x - as_float64(tables.Z[:]).sum(axis=1) if rows is None else rows[:]
        coords = {
            "year": list(tables.years),
            "region": list(tables.regions),
            "sector": list(tables.sectors),
        }
        shape = [len(labels) for labels in coords.values()]
        return xr.DataArray(
            np.where(x > 0, values, 0).reshape(shape),
            coords,
            list(coords),
            name=self.name,
            attrs={"units": self.unit(tables)},
        )

    def metadata(self, tables: WorldTables) -> dict[str, Any]:
        """Name and unit for a manifest; of a satellite account also the share in
        industries without output, which no product contains."""
        result: dict[str, Any] = {
            "value_added": self.name,
            "value_added_unit": self.unit(tables),
        }
        if self.satellite is not None:
            result["gross_unit"] = tables.unit
            result["left_out_share"] = satellites.idle_share(self.satellite, tables)
        return result

    def messages(self, tables: WorldTables) -> list[str]:
        """Lines for the terminal about a satellite account; none for value added."""
        if self.satellite is None:
            return []
        share, unit = satellites.idle_share(self.satellite, tables), self.unit(tables)
        line = f"{self.name}{f', {unit}' if unit else ''}"
        if share > 0:
            idle = percent_text(share, 2)
            line += f": {idle} is in industries without output and left out"
        return [line]


def account_of(manifest: Mapping[str, Any]) -> str:
    """The satellite accounts that a manifest names in place of value added, if any."""
    each = (k.get("value_added") for k in manifest.get("accounts", [manifest]))
    return " and ".join(k for k in each if k and k not in get_args(Definition))


def require_value_added(name: str) -> Definition:
    """The definition of value added of that name; ``TivaxError`` lists both."""
    for known in get_args(Definition):
        if name == known:
            return known
    if name.endswith((".csv", ".parquet")):
        raise TivaxError(
            f"value added {name!r}: that is a file, which tx.read_satellites reads",
            argument="satellite",
        )
    raise TivaxError(f"value added {name!r}: {suggest(name, get_args(Definition))}")
