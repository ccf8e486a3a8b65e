from tivax import *

from .measures import exported_value_added as exported_value_added
