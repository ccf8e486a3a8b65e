"""Why a measure changed between two years: structural decomposition along a path."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
