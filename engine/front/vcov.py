"""Covariances of estimates, for ``vcov=``: ``tx.vcov.TwoWay()``."""

from tivax.engine.estimation import CV1 as CV1
from tivax.engine.estimation import CommonShocks as CommonShocks
from tivax.engine.estimation import Conley as Conley
from tivax.engine.estimation import DriscollKraay as DriscollKraay
from tivax.engine.estimation import Network as Network
from tivax.engine.estimation import TwoWay as TwoWay
