"""Indicators, decompositions and their levels, by name: what `tivax list` prints."""

from tivax.engine.measures import INDICATORS as INDICATORS
from tivax.engine.measures import LEVELS as LEVELS
from tivax.engine.measures import METHODS as METHODS
