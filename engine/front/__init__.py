"""Trade in value added from world input-output tables: ``import tivax as tx``.

Every function is here, with what it takes; types of results are in ``tx.results``. A
name is imported when it is first used: JAX takes a second to load, and ``tivax --help``
should not wait for it. Type checkers, and ``lazy_loader``, read the list in
``__init__.pyi``.
"""

import os
from difflib import get_close_matches

import lazy_loader

# Before JAX is imported: jax 0.10.1 prints harmless machine-feature errors on every
# program it takes from its cache, and an alarm where a busy machine compiles slowly.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # takes a moment

        return version("tivax")
    try:
        return _load(name)
    except AttributeError:
        if name in __all__ or name.startswith("_"):
            raise  # of what it imports, or a question of Python's own
        near = get_close_matches(name, __all__)
        if name[0].isupper():
            from . import results  # takes seconds

            near = [f"tx.results.{name}"] if hasattr(results, name) else near
        hint = f"did you mean {' or '.join(near)}?" if near else "dir(tivax) lists all"
        raise AttributeError(
            f"tivax has no public name {name}; {hint}", name=name
        ) from None
