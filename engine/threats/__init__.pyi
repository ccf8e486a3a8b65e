from .catalogue import CATALOGUE as CATALOGUE
from .evaluate import DRAWS as DRAWS
from .evaluate import threats as threats
from .result import Threats as Threats
