"""``tivax list``: what tivax knows, and what this machine has."""

from ...core import TivaxError, choose_from, start_jax
from ..bundles import Screen, command
from ..completion import LISTS
from ..options import parse_table_size, split_names
from ..terminal import Terminal


@command
def list_(
    screen: Screen,
    what: str,
    names: list[str] | None = None,
    device: str | None = None,
) -> None:
    """List groups of countries, indicators, methods, databases or devices.

    groups: their members, and with a store which of them it has. indicators: code,
    title, unit, levels. methods: decompositions and their levels. sources: databases
    and what reads them. devices: cores, memory, years of tables that fit.

    Example: tivax list groups EU27
    """
    terminal, some = screen.terminal(), list(names or [])
    match what:
        case "groups":
            from .list_groups import print_groups

            _at_most(2, what, some)
            print_groups(terminal, *some)
        case "indicators":
            from .list_indicators import print_indicators

            print_indicators(terminal, split_names(",".join(some)))
        case "methods":
            _at_most(0, what, some)
            _print_methods(terminal)
        case "sources":
            _at_most(0, what, some)
            _print_sources(terminal)
        case "devices":
            _at_most(1, what, some)
            regions, sectors = parse_table_size(*(some or ["44x56"]))
            start_jax(device)
            from .list_devices import print_devices

            print_devices(terminal, regions, sectors)
        case _:
            raise TivaxError(f"tivax list {what}: {choose_from(LISTS)}")


def _at_most(count: int, what: str, names: list[str]) -> None:
    if len(names) > count:
        after = {0: "no names", 1: "one name", 2: "a store and a group"}[count]
        raise TivaxError(f"tivax list {what} takes {after} after it, not {names}")


def _print_methods(terminal: Terminal) -> None:
    from ...core import tivax_version
    from ...measures import METHODS

    facts = [
        {"method": name, "title": own.title, "levels": [*own.kernels]}
        for name, own in METHODS.items()
    ]
    terminal.listing(
        ("method", "levels", "title"),
        [(k["method"], ", ".join(k["levels"]), k["title"]) for k in facts],
    )
    terminal.finish({"command": "list", "tivax": tivax_version(), "methods": facts})


def _print_sources(terminal: Terminal) -> None:
    from ...core import tivax_version
    from ...sources import ARCHIVES, source_facts

    known = source_facts()
    facts = [
        {
            "source": name,
            "fetch": name in ARCHIVES,
            "import": name in known,
            "title": (
                known[name]["title"]
                if name in known
                else next(iter(ARCHIVES[name].values())).contents
            ),
        }
        for name in dict.fromkeys([*known, *ARCHIVES])
    ]
    terminal.listing(
        ("source", "fetch", "import", "title"),
        [
            (
                k["source"],
                *("yes" if k[word] else "" for word in ("fetch", "import")),
                k["title"],
            )
            for k in facts
        ],
    )
    terminal.finish({"command": "list", "tivax": tivax_version(), "sources": facts})
