from .exposure import Exposure as Exposure
from .exposure import exposure as exposure
from .interactive_effects import InteractiveEffects as InteractiveEffects
from .interactive_effects import interactive_effects as interactive_effects
from .shift_share import ShiftShare as ShiftShare
from .shift_share import shift_share as shift_share
from .two_way_weights import TwoWayWeights as TwoWayWeights
from .two_way_weights import two_way_weights as two_way_weights
