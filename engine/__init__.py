"""Tables in, value-added trade out. Start with ``WorldTables`` and ``open_store``."""

from tivax.engine.checks import check_tables as check_tables
from tivax.engine.errors import TivaxError as TivaxError
from tivax.engine.importing import import_tables as import_tables
from tivax.engine.measures import trade_benefit_index as trade_benefit_index
from tivax.engine.measures import value_added_absorbed as value_added_absorbed
from tivax.engine.measures import value_added_exports as value_added_exports
from tivax.engine.measures import value_added_trade as value_added_trade
from tivax.engine.store import open_store as open_store
from tivax.engine.store import save_store as save_store
from tivax.engine.synthetic import WorldShape as WorldShape
from tivax.engine.synthetic import synthetic_world as synthetic_world
from tivax.engine.tables import Tolerance as Tolerance
from tivax.engine.tables import WorldTable as WorldTable
from tivax.engine.tables import WorldTables as WorldTables
from tivax.engine.tables import stack_years as stack_years
