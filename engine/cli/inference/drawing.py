"""``tivax bootstrap`` and ``tivax placebo``: the run file, and several processes."""

from ..bundles import Drawing, Machines, Output, Screen, command
from ..options import LanguageOption


@command
def bootstrap(
    drawing: Drawing,
    output: Output,
    machines: Machines,
    screen: Screen,
    language: LanguageOption = "en",
) -> None:
    """Bootstrap the models of a run file by clusters: pairs, Bayesian or wild.

    All devices of this machine take part, of a processor all cores. A run that was
    stopped goes on where it was when the same command is given again.

    Example: tivax bootstrap wild.toml --out wild
    """
    _draw("bootstrap", drawing, output, machines, screen, language)


@command
def placebo(
    drawing: Drawing,
    output: Output,
    machines: Machines,
    screen: Screen,
    language: LanguageOption = "en",
) -> None:
    """Move the treatment among countries or years, and estimate again.

    The t statistics are compared, unless studentised = false. With method =
    "freedman-lane" the residuals of the model without the treatment are moved in its
    place; with strata = "COLUMN" only within blocks of countries.

    All devices of this machine take part, of a processor all cores. A run that was
    stopped goes on where it was when the same command is given again.

    Example: tivax placebo placebo.toml --out placebo
    """
    _draw("placebo", drawing, output, machines, screen, language)


def _draw(
    command: str,
    drawing: Drawing,
    output: Output,
    machines: Machines,
    screen: Screen,
    language: str,
) -> None:
    with machines.start():
        from ...reporting import require_language
        from .bootstrap import run_experiment

        words = require_language(language)
        run_experiment(drawing, output, command, words, screen.terminal())
