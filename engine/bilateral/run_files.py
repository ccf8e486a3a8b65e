"""Run files of `tivax gravity` and `tivax elasticities`: the words of the functions.

data = "flows.csv"                # or parquet, dta, xlsx, feather, beside this
outcome = "trade"
regressors = ["fta"]              # as tx.Gravity; or formula = "..."
store = "store"                   # the outcome is of tables: flows = "value added"
"""

from pathlib import Path
from typing import Any, Literal, TypedDict, get_type_hints

from ..core import Text, TomlTable, naming, read_toml
from ..resampling import read_panel
from ..tables import open_store
from .elasticities import Elasticities, trade_elasticities
from .fits import Flows, GravityFit, GravityFits, gravity
from .solved import Gravity


class _Data(TypedDict, total=False):
    data: Path


class _Keys(_Data, total=False):
    formula: Text
    by: Text
    store: Path
    flows: Flows


class _ElasticityKeys(_Data, total=False):
    method: Literal["triads", "ppml"]
    flows: Literal["gross", "net"]
    nonpositive: Literal["refuse", "drop"]


def _read(path: Path, keys: type, *others: str) -> tuple[TomlTable, dict[str, Any]]:
    """The file, and the values of these keys; ``others`` are known too."""
    file = TomlTable(path, "", read_toml(path), {*get_type_hints(keys), *others})
    given = file.convert(keys)
    if "data" not in given:
        raise file.mistake("data", "is missing; name a table")
    return file, given


def run_gravity(path: Path) -> tuple[GravityFit | GravityFits, list[Path]]:
    """The equations of a run file, and the files that were read."""
    known = {*get_type_hints(Gravity)}
    file, given = _read(path, _Keys, *known)
    if "formula" in given and (extra := known & {*file.values}):
        raise file.mistake(sorted(extra)[0], "goes without a formula")
    files = [path, given.pop("data"), *([given["store"]] if "store" in given else [])]
    equation = {k: v for k, v in file.values.items() if k in known}
    spec = given.pop("formula", None) or TomlTable(path, "", equation).parse(Gravity)
    if "store" in given:
        given["tables"] = open_store(given.pop("store"), lazy=True)
    data = read_panel(files[1])
    with naming(path):
        return gravity(data, spec, **given), files


def run_elasticities(path: Path) -> tuple[Elasticities, list[Path]]:
    """The elasticities of a run file, and the files that were read."""
    _, given = _read(path, _ElasticityKeys)
    files = [path, given.pop("data")]
    data = read_panel(files[1])
    with naming(path):
        return trade_elasticities(data, **given), files
