"""The paper's regressions as models to resample."""

from ..resampling import Model
from .columns import COLUMNS


def paper_models() -> list[Model]:
    """The 17 columns of Tables 3 to 6; the channels of each sample are a family."""
    return [
        Model(
            name=f"table{k.table}-{k.column}",
            outcome=k.outcome,
            treatments=("TBI",),
            controls=k.regressors[1:],
            sample=k.sample,
            table=k.table,
            column=k.column,
            family=f"Table {k.table}, {k.sample}"
            + ("" if k.controls else ", no controls"),
        )
        for k in COLUMNS
    ]
