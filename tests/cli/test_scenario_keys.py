"""Keys of scenario files: the site's tables have those that the readers take."""

import re
from typing import Any, get_type_hints

import pytest

import tivax as tx
from tivax.engine.core import load_toml
from tivax.engine.equilibrium import read_exact_hat, scenario_file
from tivax.engine.scenarios import EQUILIBRIUM, read_scenario, scenario_files, shocks

SECTIONS = {
    "variant": get_type_hints(scenario_file.VariantKeys),
    "supply": get_type_hints(tx.Supply),
    "equation": ("coefficient", "standard_error"),
}
FLOWS = load_toml("tivax.engine.scenarios", "keys.toml")
HAT = load_toml("tivax.engine.equilibrium", "keys.toml")
VALUES = {
    "years": 2000,
    "name": "a",
    "percent": 5,
    "factor": 1,
    "both_ways": True,
    "uses": "final",
    "links": "trade",
    "of": "price",
    "to": "home",
    "value_added": "basic",
    "variant.trade_cost": 1.1,
    "supply.tax_relief": True,
    "supply.welfare": "printed",
    **dict.fromkeys(("supply.labour", "supply.scale", "supply.services"), 0.5),
    "supply.pass_through": 1.1,
}
NEEDED = {
    "optimal-tariff": {"region": "A"},
    "retaliation": {"against": "A"},
    "trade-war": {"who": "A", "whom": "B", "rate": 0.1},
    "demand": {"percent": 5},
    "price": {"percent": 5},
}


def described(kind: str) -> set[str]:
    room = HAT if kind in EQUILIBRIUM else FLOWS
    return {k for kinds, keys in room.items() if kind in kinds.split() for k in keys}


def is_taken(key: str, kind: str, path) -> bool:
    """True unless the reader says that the key is unknown, or of another kind."""
    values = {"kind": kind, "store": "s"} | NEEDED.get(kind, {})
    values |= {"elasticities": 5} if kind in EQUILIBRIUM else {}
    without = {key, "percent" if key == "factor" else ""}
    lines = [f"{k} = {v!r}" for k, v in values.items() if k not in without]
    given = VALUES | {"kind": kind}
    section, _, name = key.rpartition(".")
    lines += [f"[[{section}]]" if section == "variant" else f"[{section}]"] * bool(
        section
    )
    lines.append(f"{name} = {given.get(key, 'A')!r}".replace("True", "true"))
    path.write_text("\n".join(lines))
    try:
        if kind in EQUILIBRIUM:
            read_exact_hat(path)
        else:
            scenario: Any = read_scenario(path)
            scenario.variants(None)
    except tx.TivaxError as error:
        return not re.search("unknown key|goes with (kind|the other)", str(error))
    return True


KINDS = [*shocks.SHOCKS, *EQUILIBRIUM]


@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_of_a_kind_are_those_that_its_reader_takes(kind, tmp_path):
    every = {k for room in (FLOWS, HAT) for keys in room.values() for k in keys}
    every |= {*scenario_files.SHOCK_KEYS, *scenario_files.FILE_KEYS}
    every |= {*scenario_file._KEYS, *scenario_file._SECTIONS}
    every |= {k for own in scenario_file._CHOICES.values() for k in own}
    every |= {f"{name}.{k}" for name, keys in SECTIONS.items() for k in keys}
    path = tmp_path / "scenario.toml"
    assert {k for k in every if is_taken(k, kind, path)} == described(kind)


def test_every_kind_has_keys_that_are_described_in_a_sentence():
    for room in (FLOWS, HAT):
        assert {k for kinds in room for k in kinds.split()} <= {*KINDS}
        texts = [text for keys in room.values() for text in keys.values()]
        assert all(text.endswith(".") for text in texts)
