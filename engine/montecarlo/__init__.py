"""Monte Carlo over errors of tables: draws of tables, through to regressions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
