from .direct_effects import direct_effect_bounds as direct_effect_bounds
from .panel import true_versus_estimated as true_versus_estimated
from .regions import ShownRegions as ShownRegions
from .regions import shown_regions as shown_regions
from .resampling import Drawn as Drawn
from .resampling import rejection_rates as rejection_rates
from .specifications import joint_curve as joint_curve
from .threatened import threat_intervals as threat_intervals
