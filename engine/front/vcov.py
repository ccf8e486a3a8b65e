"""Covariances of estimates, for ``tx.fit``: ``tx.vcov.CV1("fixest")``."""

from tivax.engine.estimation import CV1 as CV1
from tivax.engine.estimation import CV2 as CV2
from tivax.engine.estimation import CV3 as CV3
from tivax.engine.estimation import HC1 as HC1
from tivax.engine.estimation import IID as IID
from tivax.engine.estimation import CommonShocks as CommonShocks
from tivax.engine.estimation import Conley as Conley
from tivax.engine.estimation import DriscollKraay as DriscollKraay
from tivax.engine.estimation import Network as Network
from tivax.engine.estimation import TwoWay as TwoWay
