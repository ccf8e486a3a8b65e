"""General-equilibrium counterfactuals of trade in changes: ``tx.exact_hat``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
