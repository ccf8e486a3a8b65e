from .cases import solve_paper as solve_paper
