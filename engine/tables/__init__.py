"""World input-output tables: labels, arrays, the store, checks, regions and groups."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
