"""Tables in, value-added trade out. Start with ``WorldTables`` and ``open_store``.

A name is imported when it is first used. JAX takes a second to load: ``tivax --help``
should not wait for it, and the command line has to set a variable before.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tivax.engine.aggregation import aggregate as aggregate
    from tivax.engine.aggregation import read_concordance as read_concordance
    from tivax.engine.aggregation_bias import compare_aggregation as compare_aggregation
    from tivax.engine.checks import check_tables as check_tables
    from tivax.engine.countries import group_members as group_members
    from tivax.engine.data_files import read_data_files as read_data_files
    from tivax.engine.decompositions import decompose as decompose
    from tivax.engine.designs import Model as Model
    from tivax.engine.errors import TivaxError as TivaxError
    from tivax.engine.errors import TivaxWarning as TivaxWarning
    from tivax.engine.estimation import fixed_effects as fixed_effects
    from tivax.engine.estimation import two_stage as two_stage
    from tivax.engine.footprint_accounts import footprints as footprints
    from tivax.engine.group_runs import each_group as each_group
    from tivax.engine.gvc_indicators import indicators as indicators
    from tivax.engine.importing import import_tables as import_tables
    from tivax.engine.inference import resample as resample
    from tivax.engine.inventories import net_of_inventories as net_of_inventories
    from tivax.engine.measures import exported_value_added as exported_value_added
    from tivax.engine.measures import trade_benefit_index as trade_benefit_index
    from tivax.engine.measures import value_added_absorbed as value_added_absorbed
    from tivax.engine.measures import value_added_exports as value_added_exports
    from tivax.engine.measures import value_added_trade as value_added_trade
    from tivax.engine.origins import value_added_by_product as value_added_by_product
    from tivax.engine.origins import value_added_in_exports as value_added_in_exports
    from tivax.engine.origins import (
        value_added_in_final_demand as value_added_in_final_demand,
    )
    from tivax.engine.panel import Panel as Panel
    from tivax.engine.panel import build_panel as build_panel
    from tivax.engine.replication import Replication as Replication
    from tivax.engine.replication import replicate as replicate
    from tivax.engine.satellites import read_final_satellites as read_final_satellites
    from tivax.engine.satellites import read_satellite as read_satellite
    from tivax.engine.satellites import read_satellites as read_satellites
    from tivax.engine.schemes import Scheme as Scheme
    from tivax.engine.store import open_store as open_store
    from tivax.engine.store import save_store as save_store
    from tivax.engine.synthetic import WorldShape as WorldShape
    from tivax.engine.synthetic import synthetic_world as synthetic_world
    from tivax.engine.tables import Tolerance as Tolerance
    from tivax.engine.tables import WorldTable as WorldTable
    from tivax.engine.tables import WorldTables as WorldTables
    from tivax.engine.tables import stack_years as stack_years

_MODULE_OF = {
    "aggregate": "aggregation",
    "read_concordance": "aggregation",
    "compare_aggregation": "aggregation_bias",
    "check_tables": "checks",
    "group_members": "countries",
    "read_data_files": "data_files",
    "decompose": "decompositions",
    "Model": "designs",
    "TivaxError": "errors",
    "TivaxWarning": "errors",
    "fixed_effects": "estimation",
    "two_stage": "estimation",
    "from_frames": "frames",
    "from_pymrio": "frames",
    "footprints": "footprint_accounts",
    "each_group": "group_runs",
    "import_tables": "importing",
    "net_of_inventories": "inventories",
    "indicators": "gvc_indicators",
    "resample": "inference",
    "exported_value_added": "measures",
    "trade_benefit_index": "measures",
    "value_added_absorbed": "measures",
    "value_added_exports": "measures",
    "value_added_trade": "measures",
    "value_added_by_product": "origins",
    "value_added_in_exports": "origins",
    "value_added_in_final_demand": "origins",
    "Panel": "panel",
    "build_panel": "panel",
    "Replication": "replication",
    "replicate": "replication",
    "read_final_satellites": "satellites",
    "read_satellite": "satellites",
    "read_satellites": "satellites",
    "Scheme": "schemes",
    "open_store": "store",
    "save_store": "store",
    "WorldShape": "synthetic",
    "synthetic_world": "synthetic",
    "Tolerance": "tables",
    "WorldTable": "tables",
    "WorldTables": "tables",
    "stack_years": "tables",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
