"""Ways to resample clusters, for ``tx.resample``: ``tx.schemes.Wild()``."""

from tivax.engine.resampling import Bayesian as Bayesian
from tivax.engine.resampling import Pairs as Pairs
from tivax.engine.resampling import Placebo as Placebo
from tivax.engine.resampling import Scheme as Scheme
from tivax.engine.resampling import Wild as Wild
