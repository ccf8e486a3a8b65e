"""The cost of undoing the EU: Felbermayr, Gröschl and Heiland (2022)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
