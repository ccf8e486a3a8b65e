from .computed import supply_exposure as supply_exposure
from .paths import SupplyPaths as SupplyPaths
from .paths import supply_paths as supply_paths
from .result import SupplyExposure as SupplyExposure
