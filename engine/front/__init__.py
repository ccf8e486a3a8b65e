"""Trade in value added from world input-output tables: ``import tivax as tx``.

Every public name is here. A name is imported when it is first used: JAX takes a second
to load, and ``tivax --help`` should not wait for it. Type checkers, and
``lazy_loader``, read the list in ``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
