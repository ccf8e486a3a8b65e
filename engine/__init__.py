"""Tables in, value-added trade out. Start with ``WorldTables`` and ``open_store``.

A name is imported when it is first used. JAX takes a second to load: ``tivax --help``
should not wait for it, and the command line has to set a variable before.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.errors import TivaxError as TivaxError
    from .core.errors import TivaxWarning as TivaxWarning
    from .estimation.fixed_effects import fixed_effects as fixed_effects
    from .estimation.fixed_effects import two_stage as two_stage
    from .measures.aggregation_bias import compare_aggregation as compare_aggregation
    from .measures.decompositions import decompose as decompose
    from .measures.each_group import each_group as each_group
    from .measures.footprints import footprints as footprints
    from .measures.indicators import indicators as indicators
    from .measures.origins import value_added_by_product as value_added_by_product
    from .measures.origins import value_added_in_exports as value_added_in_exports
    from .measures.origins import (
        value_added_in_final_demand as value_added_in_final_demand,
    )
    from .measures.trade import exported_value_added as exported_value_added
    from .measures.trade import trade_benefit_index as trade_benefit_index
    from .measures.trade import value_added_absorbed as value_added_absorbed
    from .measures.trade import value_added_exports as value_added_exports
    from .measures.trade import value_added_trade as value_added_trade
    from .panel.build import Panel as Panel
    from .panel.build import build_panel as build_panel
    from .panel.data_files import read_data_files as read_data_files
    from .paper.replicate import Replication as Replication
    from .paper.replicate import replicate as replicate
    from .resampling.designs import Model as Model
    from .resampling.p_values import resample as resample
    from .resampling.schemes import Scheme as Scheme
    from .sources.importing import import_tables as import_tables
    from .tables.aggregation import aggregate as aggregate
    from .tables.aggregation import read_concordance as read_concordance
    from .tables.checks import check_tables as check_tables
    from .tables.countries import group_members as group_members
    from .tables.inventories import net_of_inventories as net_of_inventories
    from .tables.own_tables import from_frames as from_frames
    from .tables.own_tables import from_pymrio as from_pymrio
    from .tables.satellites import read_final_satellites as read_final_satellites
    from .tables.satellites import read_satellite as read_satellite
    from .tables.satellites import read_satellites as read_satellites
    from .tables.store import open_store as open_store
    from .tables.store import save_store as save_store
    from .tables.synthetic import WorldShape as WorldShape
    from .tables.synthetic import synthetic_world as synthetic_world
    from .tables.world_tables import Tolerance as Tolerance
    from .tables.world_tables import WorldTable as WorldTable
    from .tables.world_tables import WorldTables as WorldTables
    from .tables.world_tables import stack_years as stack_years

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
