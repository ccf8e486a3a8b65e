from .changes import change as change
from .result import Change as Change
