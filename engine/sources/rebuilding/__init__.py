"""World tables estimated from national tables, trade by pair and two real years."""

from .checks import check_pieces as check_pieces
from .facts import describe as describe
from .pieces import COUNTRIES as COUNTRIES
from .pieces import INDUSTRIES as INDUSTRIES
from .pieces import REGIONS as REGIONS
from .pieces import USES as USES
from .pieces import YEARS as YEARS
from .pieces import Pieces as Pieces
from .pieces import Year2000 as Year2000
from .pieces import Year2014 as Year2014
from .years import rebuild as rebuild
