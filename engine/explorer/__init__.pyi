from .collect import Collected as Collected
from .collect import Measure as Measure
from .collect import ResultFolder as ResultFolder
from .collect import collect_results as collect_results
from .collect import result_folders as result_folders
from .page import explore as explore
from .page import explorer_html as explorer_html
from .page import require_page_place as require_page_place
