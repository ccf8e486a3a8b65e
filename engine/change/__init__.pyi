from .changes import change as change
from .result import Change as Change
from .result import effect_texts as effect_texts
