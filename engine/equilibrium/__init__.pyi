from .counterfactual import ExactHat as ExactHat
from .counterfactual import exact_hat as exact_hat
from .economy import Economy as Economy
from .economy import read_economy as read_economy
from .economy import save_economy as save_economy
from .from_tables import economy_from_tables as economy_from_tables
from .from_tables import synthetic_economy as synthetic_economy
