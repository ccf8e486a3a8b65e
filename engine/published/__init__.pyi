from .catalogue import solve_published as solve_published
from .result import Published as Published
