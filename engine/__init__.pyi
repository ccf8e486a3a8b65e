from tivax import *  # noqa: F403
