"""Completions for a shell: sources, methods, levels, indicators, formats.

From the tables of facts, so that the shell does not wait for JAX.
"""

import sys
from collections.abc import Iterable

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


def complete_source(incomplete: str) -> list[str]:
    """Databases of world tables."""
    return _beginning(load_toml(f"{_PACKAGE}.sources", "sources.toml"), incomplete)


def complete_download(incomplete: str) -> list[str]:
    """Databases that can be downloaded."""
    return _beginning(load_toml(f"{_PACKAGE}.sources", "archives.toml"), incomplete)


def complete_method(incomplete: str) -> list[str]:
    """Methods of decomposition."""
    return _beginning(load_toml(f"{_PACKAGE}.measures", "methods.toml"), incomplete)


def complete_list(incomplete: str) -> list[str]:
    """Complete the names that `tivax list` takes."""
    return _beginning(LISTS, incomplete)


def complete_level(incomplete: str) -> list[str]:
    """Levels of detail."""
    return _beginning([*LEVELS, "all"], incomplete)


def complete_indicators(incomplete: str) -> list[str]:
    """Codes of indicators; after a comma, another one."""
    before, comma, last = incomplete.rpartition(",")
    known = load_toml(f"{_PACKAGE}.measures", "indicators.toml")
    return [before + comma + name for name in _beginning(known, last)]


def complete_groups(incomplete: str) -> list[str]:
    """Built-in groups of countries; after a comma, another one."""
    before, comma, last = incomplete.rpartition(",")
    known = load_toml(f"{_PACKAGE}.tables", "country_groups.toml")
    return [before + comma + name for name in _beginning(known, last)]


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


COMPLETIONS = {
    "source": complete_source,
    "download": complete_download,
    "method": complete_method,
    "list": complete_list,
    "level": complete_level,
    "indicators": complete_indicators,
    "groups": complete_groups,
}
"""By their names in options.toml."""
