from .model import solve_paper as solve_paper
