"""NAFTA's tariffs: Caliendo and Parro (2015)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
