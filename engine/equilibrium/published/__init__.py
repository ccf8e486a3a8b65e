"""Published trade models, solved from their authors' data on the user's disk."""

from .result import Published as Published
from .result import solve_published as solve_published
