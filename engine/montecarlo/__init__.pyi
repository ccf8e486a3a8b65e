from .evaluate import DRAWS as DRAWS
from .evaluate import MonteCarlo as MonteCarlo
from .evaluate import Setup as Setup
from .evaluate import monte_carlo as monte_carlo
from .evaluate import set_up as set_up
from .evaluate import summarise_draws as summarise_draws
