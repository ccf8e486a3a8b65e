"""``tivax bootstrap``: the run file, and several processes."""

from ..bundles import MachineOptions, OutputOptions, RunOptions, Screen, command


@command
def bootstrap(
    drawing: RunOptions,
    output: OutputOptions,
    machines: MachineOptions,
    screen: Screen,
) -> None:
    """Draw the models of a run file again: pairs, Bayesian, wild, or placebos.

    A bootstrap draws clusters. A placebo (kind = "placebo") moves the treatment among
    countries or years and compares the t statistics, unless studentised = false; with
    method = "freedman-lane" the residuals of the model without the treatment move in
    its place, with strata = "COLUMN" only within blocks of countries.

    All devices of this machine take part, of a processor all cores. A run that was
    stopped goes on where it was when the same command is given again.

    Example: tivax bootstrap wild.toml --out wild
    """
    with machines.start():
        from .bootstrap import run_experiment

        run_experiment(drawing, output, screen.terminal())
