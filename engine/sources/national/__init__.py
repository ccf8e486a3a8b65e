"""World tables rebuilt from anybody's national tables and trade, by a recipe."""

from .example import write_national_example as write_national_example
from .recipe import Recipe as Recipe
from .recipe import read_recipe as read_recipe
from .years import rebuild as rebuild
