from .changes import change as change
from .changes import drawn_effects as drawn_effects
from .result import Change as Change
