"""Completions for a shell: sources, methods, levels, indicators, formats.

From the tables of facts, so that the shell does not wait for JAX.
"""

import sys
from collections.abc import Callable, Iterable

from ..core import load_toml

_PACKAGE = __package__.rpartition(".")[0] if __package__ else ""
LISTS = ("groups", "indicators", "methods", "sources", "devices")
LEVELS = ("country", "sector", "bilateral", "bilateral-sector")


def complete_at_first_tab() -> None:
    """Mend typer's script for zsh, which answers from the second TAB on.

    zsh runs the whole script when TAB is first pressed, and takes it as the answer;
    typer's only says then which function is to answer.
    """
    typers = sys.modules.get("typer._completion_shared")
    scripts = getattr(typers, "_completion_scripts", {})
    says = "compdef %(complete_func)s %(prog_name)s"
    answers = f"""if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s
else
  {says}
fi"""
    scripts["zsh"] = scripts.get("zsh", "").replace(f"\n{says}", f"\n{answers}")


def _completion(
    names: Callable[[], Iterable[str]], *, several: bool = False
) -> Callable[[str], list[str]]:
    """``several``: after a comma, another one."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        if not several:
            before, comma, last = "", "", incomplete
        return [before + comma + name for name in names() if name.startswith(last)]

    return complete


def _facts(room: str, file: str) -> Callable[[], Iterable[str]]:
    return lambda: load_toml(f"{_PACKAGE}.{room}", file)


COMPLETIONS = {
    "source": _completion(_facts("sources", "sources.toml")),
    "download": _completion(_facts("sources", "archives.toml")),
    "method": _completion(_facts("measures", "methods.toml")),
    "list": _completion(lambda: LISTS),
    "level": _completion(lambda: (*LEVELS, "all")),
    "indicators": _completion(_facts("measures", "indicators.toml"), several=True),
    "groups": _completion(_facts("tables", "country_groups.toml"), several=True),
}
"""By their names in options.toml."""
