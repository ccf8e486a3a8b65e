from .columns import agreement as agreement
from .columns import column_name as column_name
from .columns import paper_models as paper_models
from .other_indices import table_files as table_files
from .other_indices import trade_files as trade_files
from .replication import replicate as replicate
from .results import Replication as Replication
from .write import write_replication as write_replication
