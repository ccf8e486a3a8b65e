"""Scenarios: flows cut or shifted, industries extracted, demand, prices."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
