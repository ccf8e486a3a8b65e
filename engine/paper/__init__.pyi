from .columns import column_name as column_name
from .models import paper_models as paper_models
from .replication import Replication as Replication
from .replication import replicate as replicate
from .replication import write_replication as write_replication
