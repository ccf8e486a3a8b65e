from .columns import paper_models as paper_models
from .replication import replicate as replicate
from .results import Replication as Replication
from .run import inputs as inputs
from .run import run_paper as run_paper
from .specifications import curve_choices as curve_choices
