"""``Phrase``: a text that remembers the words and the values it was made of."""

from collections.abc import Iterable
from typing import Any


class Phrase(str):
    """``Phrase("over {years} years", years=3)`` is the text "over 3 years".

    Files and tables hold the text. Whoever prints it asks for the words of its ``key``,
    the text with holes, and fills in ``values``, so that nobody takes a text apart.
    """

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, **values: Any) -> "Phrase":
        made = super().__new__(cls, key.format(**values))
        made.key, made.values = key, values
        return made

    def __str__(self) -> str:
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.key,), self.values

    @classmethod
    def listed(cls, texts: Iterable[str], between: str = "; ") -> str:
        """Notes one after the other, as a cell of a table has them."""
        parts = {f"note{k}": text for k, text in enumerate(filter(None, texts), 1)}
        if len(parts) < 2:
            return parts.get("note1", "")
        return cls(between.join(f"{{{k}}}" for k in parts), **parts)
