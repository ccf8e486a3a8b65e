"""Models of the errors of a table, from Python or from sections of a run file.

    [[error]]
    kind = "lognormal"            # rounding, shares, lognormal, given, rebuilt
    a = 0.5                       # relative standard deviation of a cell z: a z^-b,
    b = 0.1                       # z in the unit of the tables
    shared = "none"               # country, product, year
    over_years = "independent"    # shared
    margins = ["row", "column"]   # or one of them

    [[error]]
    kind = "shares"
    concentration = 50            # of the Dirichlet distribution of partners' shares

    [[error]]
    kind = "given"
    file = "deviations.npz"       # standard deviations Z, Y; regions, sectors, year

Several add up, as independent of each other.

rounding
    Cells, output and inventories are rounded to whole units: variance 1/12. Cells below
    half a unit were filled by ``--derounded``: each has the variance z^2, those of a
    user and those of a use of a good err together (``kernels.errors.filled``), and
    rows add up to their output.
shares
    Which user buys from which partner is not known: for each good, importing region and
    user, partners' shares are Dirichlet around those of all users; what each partner
    sells to the region stays.
lognormal
    By cell, relative standard deviation a z^-b: large flows are known better (the form
    of Lenzen, Wood and Wiedmann 2010, Economic Systems Research 22).
given
    Standard deviations of cells that somebody publishes.
rebuilt
    Of tables rebuilt from national tables: what these do not tell, with the parameters
    that the store holds (``kernels.errors.rebuilt``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import TivaxError, TomlTable, naming, read_toml, show, suggest
from ..resampling import RUN_KEYS
from .table_errors import TABLE_ERRORS, Given, Rebuilt, Rounding, TableError


@dataclass(frozen=True)
class ErrorModel:
    """Errors that add up, and the name of their model.

    Examples
    --------
    >>> model = tx.table_errors.ErrorModel((tx.table_errors.Rounding(),), "rounding")
    >>> model.record[0]["kind"]
    'rounding'
    """

    errors: tuple[TableError, ...]
    name: str = ""

    @classmethod
    def read(cls, name: str | Path) -> "ErrorModel":
        """The built-in model of that name, or that of a file RUN.toml.

        Parameters
        ----------
        name
            ``rounding``, ``rebuilt``, or the path of a run file whose sections
            ``[[error]]`` have the fields of a class of ``tx.table_errors``; files are
            found beside it.

        Raises
        ------
        TivaxError
            No such name or file; an unknown key or a wrong value, with its place.

        Examples
        --------
        >>> tx.table_errors.ErrorModel.read("rounding").errors[0].kind
        'rounding'
        """
        if not isinstance(name, str | Path) or not str(name):
            raise TivaxError(f"error: give a name or a file RUN.toml, not {show(name)}")
        if str(name) in BUILT_IN:
            return cls(BUILT_IN[str(name)], str(name))
        path = Path(name)
        if not path.is_file() and path.suffix != ".toml":
            raise TivaxError(
                f"no error model {name}: {suggest(str(name), BUILT_IN)}; or give a "
                "file RUN.toml"
            )
        top = TomlTable(path, "", read_toml(path), RUN_KEYS)
        if isinstance(top.values.get("error", ""), str):
            raise TivaxError(f"{path}: no errors; write sections [[error]]")
        return error_of_run(top)

    @property
    def record(self) -> list[dict[str, Any]]:
        """For the manifest."""
        return [each.record for each in self.errors]

    @property
    def files(self) -> list[Path]:
        """Files of standard deviations."""
        return [k.file for k in self.errors if isinstance(k, Given)]


BUILT_IN = {"rounding": (Rounding(),), "rebuilt": (Rebuilt(),)}
"""Models that need no numbers, by name."""

AnyModel = str | Path | TableError | ErrorModel | Iterable[TableError]


def error_model(error: AnyModel) -> ErrorModel:
    """The model of that name or file, or made of these errors."""
    if isinstance(error, TableError):
        return ErrorModel((error,), error.kind)
    if isinstance(error, str | Path):
        return ErrorModel.read(error)
    made = error if isinstance(error, ErrorModel) else None
    given = made.errors if made else error
    errors = tuple(given) if isinstance(given, Iterable) else ()
    if not errors or not all(isinstance(k, TableError) for k in errors):
        raise TivaxError(
            "error: give the name of a model, a file RUN.toml, one of tx.table_errors "
            f"or a list of them, not {show(given)}"
        )
    return made or ErrorModel(errors, "+".join(k.kind for k in errors))


def error_of_run(toml: TomlTable) -> ErrorModel:
    """The errors of a run file: sections [[error]], a name, or a file beside it.

    Raises ``TivaxError`` where there are none, and as :meth:`.ErrorModel.read`.
    """
    if not toml.has("error"):
        names = ", ".join(BUILT_IN)
        raise toml.mistake(
            "error", f"is missing; write sections [[error]], a name ({names}) or a file"
        )
    name = toml.values["error"]
    if not isinstance(name, str):
        sections = toml.tables("error")
        return ErrorModel(
            tuple(k.of_kind(TABLE_ERRORS) for k in sections), toml.file.stem
        )
    if name not in BUILT_IN and (file := toml.file.parent / name).is_file():
        return ErrorModel.read(file)
    with naming(toml.file):
        return ErrorModel.read(name)
