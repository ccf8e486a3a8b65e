from .panel import true_versus_estimated as true_versus_estimated
from .resampling import Drawn as Drawn
from .resampling import rejection_rates as rejection_rates
