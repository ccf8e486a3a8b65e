"""Linear models of a panel: fixed effects, 2SLS, covariances, weak instruments."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
