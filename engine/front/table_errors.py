"""Errors of the cells of a table: ``tx.table_errors.Lognormal(a=0.5, b=0.1)``."""

from tivax.engine.errors import ErrorModel as ErrorModel
from tivax.engine.errors import Given as Given
from tivax.engine.errors import Lognormal as Lognormal
from tivax.engine.errors import Rebuilt as Rebuilt
from tivax.engine.errors import Rounding as Rounding
from tivax.engine.errors import Shares as Shares
from tivax.engine.errors import TableError as TableError
from tivax.engine.errors import draw_flows as draw_flows
