"""When a year is too large: a rule from the memory of the machine alone.

The fast path holds a year's flows, their coefficients and what is made on the way: as
much as three matrices of float64, and a fourth where the next year is read meanwhile.
A year is streamed where these take more than three quarters of memory. Streaming keeps
the coefficients in float32, half a matrix; they are mapped from a file where they take
more than half of memory.
"""

from ..core import GIB, TivaxError, machine_memory, require_kind

_FAST, _READ_AHEAD = 3, 1
_FACTORS = 3  # of an LU solve: the matrix, its factors, the flows
_MOST = 0.75
_MOST_COEFFICIENTS = 0.5


# What a year takes on a GPU, in matrices of float64, n x n: those of any table, beside
# other years and alone, each where n is a multiple of 16 and where it is padded to one;
# arrays of n numbers for each region, as many as there are sectors to one; flows inside
# each region, as many as there are regions to one. Arguments, results and what is made
# on the way, at or above all peaks of docs/explanation/compiled-programs.csv.
_ON_DEVICE = {
    "tbi": ((1.5, 1.5, 1.5, 2), 11.7, 2.5),
    "solves": ((1.53, 1.53, 1.53, 1.53), 13, 27),
    "inverse": ((4.3, 4.72, 4.72, 4.72), 2.5, 0),
    "ltv": ((5.24, 5.24, 5.24, 5.24), 10, 0),
    "indicators": ((4.52, 4.52, 5.48, 5.48), 45, 0),
    "exposure": ((2.9, 2.93, 2.9, 3.08), 16, 0),
    "groups": ((5.57, 5.57, 6.36, 6.36), 12, 0),
}
_MULTIPLE = 16


def device_matrices(
    program: str, regions: int, sectors: int, *, alone: bool = False
) -> float:
    """n x n matrices of float64 that a year takes on a GPU, beside others or ``alone``:
    of ``tbi``, ``indicators``, ``exposure``, of decompositions by ``solves`` or by the
    ``inverse``, of ``ltv`` and of ``groups``."""
    squares, thin, blocks = _ON_DEVICE[program]
    padded = regions * sectors % _MULTIPLE != 0
    return squares[2 * alone + padded] + thin / sectors + blocks / regions


def years_that_fit(program: str, regions: int, sectors: int, memory: float) -> int:
    """Years that a GPU of so many bytes takes at once, 0 where one is too large."""
    one, each = (
        device_matrices(program, regions, sectors, alone=k)
        * matrix_bytes(regions * sectors)
        for k in (True, False)
    )
    return int(memory / each) if one <= memory else 0


def device_memory() -> int | None:
    """Bytes of a device of its own memory; None of a CPU."""
    import jax

    device = jax.local_devices()[0]
    found = None if device.platform == "cpu" else device.memory_stats()
    return found["bytes_limit"] if found else None


def matrix_bytes(n: int) -> int:
    """Bytes of an n x n matrix in float64."""
    return 8 * n * n


def is_too_large(
    n: int, years: int = 1, memory: int | None = None, *, held: int = _FAST
) -> bool:
    """True if a year of n industries, one of ``years``, has to be streamed.

    ``held`` matrices n x n are in memory otherwise. ``memory`` is in bytes, that of the
    machine by default; where the system does not report it nothing is too large.
    """
    if memory is not None:
        require_kind("memory", memory, int | float, "a number of bytes")
    memory = machine_memory() if memory is None else memory
    if memory is None:
        return False
    matrices = held + (_READ_AHEAD if years > 1 else 0)
    return matrices * matrix_bytes(n) > _MOST * memory


def is_mapped(n: int, memory: int | None = None) -> bool:
    """True if the float32 coefficients are too large for memory."""
    memory = machine_memory() if memory is None else memory
    return memory is not None and matrix_bytes(n) / 2 > _MOST_COEFFICIENTS * memory


def does_not_fit(n: int, matrices: int) -> TivaxError:
    """The error of what needs n x n matrices in memory, and cannot be streamed."""
    return TivaxError(
        f"{n:,} industries: this needs matrices of about {_gib(matrices, n)} GiB in "
        f"memory, more than there is; {_REMEDY}"
    )


def matrix_in_words(n: int) -> str:
    """An n x n matrix with what it takes."""
    return f"a matrix of {_gib(1, n)} GiB"


def stalled(year: int, n: int, residual: float, largest_share: float) -> TivaxError:
    """The error of a year in which the iteration stalls: LU would not fit."""
    bought = f", an industry buys {largest_share:.2f} of its output"
    return TivaxError(
        f"{year}: the iteration stalls at a relative residual of {residual:.1e}"
        f"{bought if largest_share >= 1 else ''}; LU factors of {n:,} industries "
        f"would take {_gib(_FACTORS, n)} GiB of memory; {_REMEDY}"
    )


_REMEDY = (
    "add up sectors or regions first (`tivax aggregate`), or use a machine with more "
    "memory"
)


def _gib(matrices: int, n: int) -> str:
    return f"{max(0.1, matrices * matrix_bytes(n) / GIB):,.1f}"
