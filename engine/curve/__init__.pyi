from .choices import contestable as contestable
from .evaluate import DRAWS as DRAWS
from .evaluate import MOST as MOST
from .evaluate import read_curve_section as read_curve_section
from .evaluate import specification_curve as specification_curve
from .result import UNWEIGHTED as UNWEIGHTED
from .result import CurveFinding as CurveFinding
from .result import SpecificationCurve as SpecificationCurve
