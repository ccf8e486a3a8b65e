"""Types of values in TOML files that several schemas share; see ``TomlTable``."""

from typing import Annotated

from msgspec import Meta

# Whole numbers below 2^63, which is what JAX and files hold.
_MOST = 2**63 - 1

Text = Annotated[
    str,
    Meta(
        pattern=r"\A(?=.*\S)[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]*\Z",
        description='write "...", words in one line',
    ),
]
"""Words in one line."""

_Name = Annotated[str, Meta(min_length=1)]
_LIST = 'write ["...", "..."]'
Texts = Annotated[tuple[_Name, ...], Meta(description=_LIST)]
"""A list of names, or a single one."""
Some = Annotated[
    tuple[_Name, ...],
    Meta(min_length=1, description=f"{_LIST}, one at least, or leave it out"),
]
"""As ``Texts``, but not empty, since none would mean the default."""
Blocks = Annotated[
    dict[str, Some], Meta(description='write { name = ["...", "..."], ... }')
]
"""Lists of countries by the name of their block."""

Count = Annotated[
    int, Meta(ge=1, le=_MOST, description="write a whole number from 1, below 2^63")
]
Seed = Annotated[
    int, Meta(ge=0, le=_MOST, description="write a whole number from 0, below 2^63")
]
