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

_IN_ROOMS = {
    "estimation": "FirstStage IVData Overidentification",
    "papers.trade_imbalance": "Replication",
    "publication": "Packed",
    "sources": "Imported",
    "tables": "Tolerance WorldShape YearCheck",
}
# Names of earlier versions, and what stands in their place.
_GONE = {
    "anderson_rubin_set": "tx.two_stage(...).anderson_rubin_set(level)",
    "clustering_level": "tx.resample(...).clustering_level(coarse=...)",
    "ClusteringLevel": "what tx.resample(...).clustering_level(coarse=...) returns",
    "common_shocks": "tx.fixed_effects(..., vcov=tx.CommonShocks(lags))",
    "driscoll_kraay": "tx.fixed_effects(..., vcov=tx.DriscollKraay(lags))",
    "each_group": "groups=..., apart=True of the function itself",
    "economy_from_tables": "tx.Economy.from_tables",
    "effect_on_index": "tx.exact_hat(...).effect_on_index(coefficient, standard_error)",
    "equilibrium_tables": 'tx.exact_hat(...).world_tables("after")',
    "network_hac": "tx.fixed_effects(..., vcov=tx.Network(weights, order))",
    "plausibly_exogenous": "tx.two_stage(...).plausibly_exogenous()",
    "pymrio_satellites": "tx.Satellite.from_pymrio",
    "read_concordance": "tx.aggregate, which takes the name or the file",
    "read_economy": "tx.Economy.read",
    "read_error_model": "tx.ErrorModel.read",
    "read_final_satellites": "tx.read_satellites(path, final=True)",
    "read_pymrio": "tx.from_pymrio, which takes the folder",
    "read_satellite": "tx.read_satellites",
    "read_study": "tx.simulate, which takes the file",
    "save_economy": "tx.Economy.save",
    "save_pymrio": "tx.to_pymrio(tables, path=...)",
    "set_max_size": "max_size= of tx.import_tables, or the variable TIVAX_MAX_SIZE",
    "synthetic_economy": "tx.Economy.synthetic",
    "tariff_gradient": "tx.exact_hat(...).tariff_gradient(region)",
    "tbi_change": "tx.exact_hat(...).tbi_change()",
    "two_way_clusters": "tx.fixed_effects(..., vcov=tx.TwoWay(jackknife=...))",
    "value_added_by_product": 'tx.origins(tables, "products")',
    "value_added_exports": 'tx.value_added_trade(tables, by="region")',
    "value_added_in_exports": 'tx.origins(tables, "exports", exporter)',
    "value_added_in_final_demand": 'tx.origins(tables, "final demand")',
    "weak_instrument_tests": "tx.two_stage(...).weak_instrument_tests(beta)",
    **{
        name: f"tivax.engine.{room}.{name}"
        for room, names in _IN_ROOMS.items()
        for name in names.split()
    },
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # takes a moment

        return version("tivax")
    try:
        return _load(name)
    except AttributeError:
        if name in __all__ or name.startswith("_"):
            raise  # of what it imports, or a question of Python's own
        place = _GONE.get(name)
        if name[0].isupper() and not place:
            from . import results  # takes seconds

            place = f"tx.results.{name}" if hasattr(results, name) else None
        if place:
            hint = f" any more: use {place}"
        elif near := get_close_matches(name, __all__):
            hint = f"; did you mean {' or '.join(near)}?"
        else:
            hint = "; dir(tivax) lists all"
        raise AttributeError(
            f"tivax has no public name {name}{hint}", name=name
        ) from None
