"""Published trade models, solved from their authors' data on the user's disk."""

from .catalogue import solve_published as solve_published
from .result import Published as Published
