from tivax import *  # noqa: F403

from .measures import exported_value_added as exported_value_added
