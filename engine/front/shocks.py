"""Changes of a table, for ``tx.scenarios``: ``tx.shocks.Cut("CHN", "USA")``."""

from tivax.engine.scenarios import Cut as Cut
from tivax.engine.scenarios import Demand as Demand
from tivax.engine.scenarios import Extract as Extract
from tivax.engine.scenarios import Price as Price
from tivax.engine.scenarios import Shift as Shift
from tivax.engine.scenarios import Shock as Shock
