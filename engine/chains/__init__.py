"""Exposure along supply chains: to whom, through whom, by which paths, at what cost."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
