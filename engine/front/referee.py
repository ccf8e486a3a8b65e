"""Questions of a referee: ``tx.referee.two_way_weights(...)``."""

from tivax.engine.estimation import cross_section_dependence as cross_section_dependence
from tivax.engine.referee import country_slopes as country_slopes
from tivax.engine.referee import exposure_instrument as exposure_instrument
from tivax.engine.referee import imputation as imputation
from tivax.engine.referee import interactive_effects as interactive_effects
from tivax.engine.referee import local_projections as local_projections
from tivax.engine.referee import movers as movers
from tivax.engine.referee import shift_share as shift_share
from tivax.engine.referee import spatial_errors as spatial_errors
from tivax.engine.referee import two_way_weights as two_way_weights
