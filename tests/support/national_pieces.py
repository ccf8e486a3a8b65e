"""Pieces of a random world of 44 regions x 56 industries, from which it is rebuilt.

Every year is the same world, whose truth is known: users of a country buy each product
from the same mix of partners, as the recipe supposes. National tables are rounded.
"""

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tivax.engine.rebuilding import (
    COUNTRIES,
    INDUSTRIES,
    REGIONS,
    USES,
    YEARS,
    Pieces,
    Year2000,
    Year2014,
)
from tivax.engine.rebuilding.pieces import GROUP_MEMBERS, KIND_MEMBERS, PRODUCT_OF
from tivax.engine.sources.tables.wiod2016_national import COLUMNS, LABELS, TOTALS

EMPTY = INDUSTRIES.index("M73")
C, N, OWN = len(REGIONS), len(INDUSTRIES), np.arange(len(REGIONS))


class World(NamedTuple):
    """Z (r, i, d, j), Y (r, i, d, use), output and value added (r, i)."""

    Z: np.ndarray
    Y: np.ndarray
    x: np.ndarray
    added: np.ndarray


@cache
def true_world() -> World:
    rng = np.random.default_rng(5)
    size = rng.gamma(2, 1, C)
    product = rng.gamma(2, 1, N)
    scale = 20 * size[:, None, None] * size[None, None] * product[None, :, None]
    inputs = scale * rng.gamma(4, 0.25, (C, N, C))
    users = rng.dirichlet(np.ones(N), (C, N))  # buyer, product
    # As in 2014, advertising of the rest of the world makes nothing.
    inputs[-1, EMPTY], users[-1, :, EMPTY] = 0, 0
    users[-1] /= users[-1].sum(1, keepdims=True)
    Z = inputs[..., None] * users.transpose(1, 0, 2)[None]
    Y = scale[..., None] * rng.gamma(4, 0.05, (C, N, C, len(USES)))
    Z[OWN, :, OWN] = 40 * size[:, None, None] * rng.gamma(1, 1, (C, N, N))
    Y[OWN, :, OWN] = (
        9e3
        * (size[:, None] * product)[..., None]
        * rng.gamma(4, 0.25, (C, N, len(USES)))
    )
    Z[-1, EMPTY], Z[-1, :, -1, EMPTY], Y[-1, EMPTY] = 0, 0, 0
    x = Z.sum((2, 3)) + Y.sum((2, 3))
    return World(Z, Y, x, x - Z.sum((0, 1)))


@cache
def true_pieces() -> Pieces:
    """All pieces of the world, for every year. Not to be changed."""
    Z, Y, x, added = true_world()
    c = C - 1
    home, own = Z[OWN, :, OWN], Y[OWN, :, OWN]
    flows = Z.sum(3) + Y.sum(3)
    exports = flows.sum(2) - flows[OWN, :, OWN]
    foreign_inputs = (Z.sum(0) - home.transpose(1, 0, 2)).transpose(1, 0, 2)  # d i j
    foreign_final = (Y.sum(0) - own.transpose(1, 0, 2)).transpose(1, 0, 2)
    national = np.zeros((c, 120, 63))
    national[:, :N, :N], national[:, :N, N:61] = home[:c], own[:c]
    national[:, :N, 61], national[:, :N, 62] = exports[:c], x[:c]
    national[:, N:112, :N] = foreign_inputs[:c]
    national[:, N:112, N:61] = foreign_final[:c]
    national[:, 112, :61] = national[:, :112, :61].sum(1)
    national[:, 117, :N], national[:, 119, :N] = added[:c], x[:c]
    without = Z.sum(3) + Y[..., :4].sum(3)  # inventories
    pairs = np.einsum("ki,rid->krd", KIND_MEMBERS, without)[:, :c, :c]
    member = (np.arange(50)[:, None] == PRODUCT_OF).astype(float)
    bought = np.einsum("pi,rid->prd", member, without)
    cube = np.einsum("gi,rid->grd", GROUP_MEMBERS, flows)
    years = len(YEARS)
    return Pieces(
        national=np.round(np.repeat(national[:, None], years, 1)),
        pairs=np.repeat(pairs[None], years, 0),
        of2014=Year2014(
            home=home,
            final=Y,
            exports=exports,
            imports=foreign_inputs.sum(1) + foreign_final.sum(2),
            added=added[:c],
        ),
        imported_inputs=foreign_inputs[:c],
        partners=bought / bought.sum(1, keepdims=True),
        of2000=Year2000(final=Y, output=x, added=added),
        cubes=np.repeat(cube[None], years, 0),
    )


def national_csv(country: int = 0) -> str:
    """The text of one national table, in the layout of the files."""
    values = true_pieces().national[country]
    rows = [";".join([*LABELS, *COLUMNS]), ";;;;" + ";".join(['"a; title"'] * 63)]
    kinds = [
        *((k, "Domestic") for k in INDUSTRIES),
        *((k, "Imports") for k in INDUSTRIES),
        *((k, "TOT") for k in TOTALS),
    ]
    for year, table in zip(YEARS, values, strict=True):
        for (code, origin), cells in zip(kinds, table, strict=True):
            numbers = (f"{int(k):,}".replace(",", "\u00a0") for k in cells)
            label = f'{year};{code};"Some; name";{origin}'
            rows.append(f"{label};{';'.join(numbers)}")
    return "\n".join(rows) + "\n"


def name_all(folder: Path) -> Path:
    """A folder with a file of each name, which hold nothing; national tables in a zip."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "niot.zip", "w") as archive:
        for code in COUNTRIES:
            archive.writestr(f"{code}_NIOT_nov16.csv", "\n")
    names = ["trade_goods_services.dta", "pieces.npz", "imported_inputs_2014.mat"]
    names += ["Din2014.txt", "tariffs2014.txt", "fin_demand.csv", "go.csv", "va.csv"]
    for name in [*names, *(f"tariffwar_WIOD{year}.mat" for year in YEARS)]:
        (folder / name).write_text("\n")
    return folder


def cube_bytes(codes: list[str], flows: np.ndarray) -> bytes:
    """A cube in its layout: group, buyer, seller; codes are references to texts."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        data = file.create_group("data")
        data["Xjik_3D"] = flows.transpose(0, 2, 1)
        texts = file.create_group("#refs#")
        for k, code in enumerate(codes):
            texts[str(k)] = np.array([[ord(letter)] for letter in code], np.uint16)
        references = [[texts[str(k)].ref for k in range(len(codes))]]
        data.create_dataset("countries", data=references, dtype=h5py.ref_dtype)
    return buffer.getvalue()
