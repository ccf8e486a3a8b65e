from .collect import Collected as Collected
from .collect import Measure as Measure
from .collect import collect_results as collect_results
from .collect import result_folders as result_folders
from .meaning import Meaning as Meaning
from .page import explore as explore
from .page import explorer_html as explorer_html
from .series import ResultFolder as ResultFolder
