"""What an optimised program of XLA does: kernels, bytes and operations, by its text.

A kernel is what is launched at once: a fusion, a product, a copy. Its bytes are what it
reads and writes in the card's memory; a slice of an operand is counted as the slice.
A loop counts as often as it runs, where the program says so. One that the numbers end
counts a tenth of the most that it may run (a solve is in 2 of 12 passes, an inverse in 6
of 60 squarings), once where no number bounds it, and not where a condition alone decides:
what is done where a solve missed its tolerance, as in no year of WIOD. A call of cuBLAS counts as one kernel, and so does one of cuSOLVER, which starts many.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gpu_cards import Card

LAUNCH = 4e-6  # seconds
Counts = Any  # a Counter whose numbers need not be whole

_BYTES = {"pred": 1, "c64": 8, "c128": 16, "bf16": 2}
_SHAPE = re.compile(r"\b(pred|[a-z]+\d+(?:e\dm\d\w*)?)\[([\d,]*)\]")
_TYPED = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (.*)$")
_CALLED = re.compile(
    r"(?:calls|to_apply|body|condition|branch_computations|true_computation|"
    r"false_computation)=\{?((?:%[\w.\-]+(?:, )?)+)"
)
_FREE = frozenset(
    "copy-start parameter constant get-tuple-element tuple bitcast after-all partition-id "
    "replica-id opt-barrier add-dependency copy-done iota-done".split()
)
# What reads all of its operands.
_WHOLE = frozenset("reduce reduce-window dot sort scatter custom-call fusion".split())
_SLICES = frozenset(["dynamic-slice", "slice", "gather"])
_SLOW = frozenset(
    "exponential log power sine cosine tanh divide sqrt rsqrt logistic erf "
    "exponential-minus-one log-plus-one cbrt atan2 tan".split()
)
_NO_ARITHMETIC = _FREE | frozenset(
    "broadcast reshape transpose copy slice dynamic-slice gather concatenate pad "
    "iota reverse convert dynamic-update-slice fusion call while conditional "
    "bitcast-convert select scatter sort reduce dot custom-call".split()
)


@dataclass(frozen=True)
class Instruction:
    name: str
    shape: str
    kind: str
    operands: tuple[str, ...]
    rest: str

    @property
    def called(self) -> list[str]:
        found = ", ".join(_CALLED.findall(self.rest))
        return re.findall(r"%([\w.\-]+)", found)


@dataclass
class Work:
    """Seconds are sums over kernels of what limits each; ``by_kernel`` names them."""

    launches: float = 0
    bytes: float = 0
    operations: Counts = field(default_factory=Counter)  # by type: f32, f64, integer
    seconds: float = 0
    memory: float = 0
    float32: float = 0
    float64: float = 0
    by_kernel: Counts = field(default_factory=Counter)

    def add(self, other: "Work", times: float = 1) -> None:
        for name in ("launches", "bytes", "seconds", "memory", "float32", "float64"):
            setattr(self, name, getattr(self, name) + times * getattr(other, name))
        for name in ("operations", "by_kernel"):
            for k, value in getattr(other, name).items():
                getattr(self, name)[k] += times * value


class Program:
    """A module of optimised HLO."""

    def __init__(self, text: str) -> None:
        self.computations: dict[str, dict[str, Instruction]] = {}
        self.entry = ""
        body: dict[str, Instruction] = {}
        for line in text.splitlines():
            head = re.match(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$", line)
            if head:
                body = self.computations[head[2]] = {}
                self.entry = head[2] if head[1] else self.entry
            elif typed := _TYPED.match(line):
                one = _instruction(typed[1], typed[2])
                body[one.name] = one
        self.reached = self._reached(self.entry)

    def _reached(self, start: str) -> dict[str, bool]:
        """Computations that the program runs; True for the inside of a kernel."""
        found, todo = {start: False}, [start]
        while todo:
            of = todo.pop()
            for each in self.computations[of].values():
                inside = found[of] or not _runs_kernels(each)
                for name in each.called:
                    if name not in found:
                        found[name] = inside
                        todo.append(name)
        return found

    @property
    def instructions(self) -> list[Instruction]:
        return [k for name in self.reached for k in self.computations[name].values()]

    @property
    def kernels(self) -> list[Instruction]:
        outer = [name for name, inside in self.reached.items() if not inside]
        every = [k for name in outer for k in self.computations[name].values()]
        return [
            k
            for k in every
            if k.kind not in _FREE
            and not k.kind.endswith("-done")
            and not _runs_kernels(k)
        ]

    def calls(self, *words: str) -> int:
        """Calls of libraries, or of the host, whose target has one of these words."""
        targets = [_target(k) for k in self.instructions if k.kind == "custom-call"]
        return sum(any(word in k for word in words) for k in targets)

    @property
    def loops(self) -> list[int | None]:
        """How often each loop runs; None where only the numbers decide."""
        return [_trips(k) for k in self.instructions if k.kind == "while"]

    @property
    def products(self) -> list[Instruction]:
        return [k for k in self.instructions if _is_product(k)]

    @property
    def in_tf32(self) -> list[str]:
        """Products of float32 that the card may make in TF32."""
        return [
            k.name
            for k in self.products
            if k.shape.lstrip("(").startswith("f32[")
            and not re.search(r'highest|"HIGHEST"|dot_f32_f32_f32|_F32_F32_F32', k.rest)
        ]

    def work(self, card: Card, *, steps: float | None = None) -> Work:
        """What the program does, its times those of a card at its limit; ``steps`` of
        an outermost loop whose number is an argument."""
        return self._of(self.entry, card, steps)

    def _runs(self, loop: Instruction) -> float:
        trips = _trips(loop)
        if trips is not None:
            return trips
        condition = re.search(r"condition=%([\w.\-]+)", loop.rest)
        todo, most, compared = [condition[1]] if condition else [], 1, False
        while todo:
            for each in self.computations[todo.pop()].values():
                todo += each.called
                compared = compared or each.kind == "compare"
                whole = each.kind == "constant" and each.shape[0] in "su"
                if whole and (value := re.match(r"(\d+)\)", each.rest)):
                    most = max(most, int(value[1]))
        return math.ceil(most / 10) if compared else 0

    def _of(self, name: str, card: Card, steps: float | None) -> Work:
        total, body = Work(), self.computations[name]
        for each in body.values():
            if each.kind in _FREE or each.kind.endswith("-done"):
                continue
            if each.kind == "while":
                trips = self._runs(each)
                if _trips(each) is None and steps is not None:
                    trips = steps
                for inner in each.called:
                    total.add(self._of(inner, card, None), trips)
            elif each.kind == "conditional":
                every = [self._of(k, card, None) for k in each.called]
                total.add(max(every, key=lambda k: k.seconds + LAUNCH * k.launches))
            elif each.kind == "call" or each.kind.endswith("-start"):
                for inner in each.called:
                    total.add(self._of(inner, card, steps))
            else:
                total.add(self._kernel(each, body, card))
        return total

    def _kernel(self, each: Instruction, body: dict, card: Card) -> Work:
        inside = self.computations[each.called[0]] if each.kind == "fusion" else {}
        size = self._bytes(each, body, inside)
        operations: Counts = Counter()
        self._count(each, body, operations)
        # A product is a multiplication and an addition at once, what else there is not;
        # integers have half the lanes.
        float32 = operations["f32 products"] / card.float32
        float32 += operations["f32"] / (card.float32 / 2)
        float32 += operations["integer"] / (card.float32 / 4)
        float64 = operations["f64 products"] / card.float64
        float64 += operations["f64"] / (min(card.float64, card.float32 / 2) / 2)
        memory = size / card.bandwidth
        seconds = max(memory, float32, float64)
        at = Counter({each.name: seconds + LAUNCH})
        return Work(1, size, operations, seconds, memory, float32, float64, at)

    def _bytes(self, each: Instruction, body: dict, inside: dict) -> float:
        written = _size(each.shape)
        if not inside:
            if each.kind == "dynamic-update-slice":
                return 2 * _size(body[each.operands[1]].shape)
            if each.kind in _SLICES:
                return 2 * written
            return written + sum(
                _size(body[k].shape) for k in each.operands if k in body
            )
        read, kept = _read(inside)
        return read + written - kept

    def _count(self, each: Instruction, body: dict, operations: Counts) -> None:
        kind = _kind_of(each.shape)
        if each.kind == "fusion":
            for name in each.called:
                inner = self.computations[name]
                for one in inner.values():
                    self._count(one, inner, operations)
        elif _is_product(each):
            operations[f"{kind} products"] += (
                2 * _elements(each.shape) * _contracted(each, body)
            )
        elif each.kind in ("reduce", "reduce-window", "scatter"):
            given = body.get(each.operands[0])
            operations[kind] += _elements(given.shape) if given else 0
        elif each.kind == "custom-call" and "getrf" in _target(each):
            *many, m, _ = _dims(each.shape)[0]
            operations[f"{kind} products"] += 2 / 3 * m**3 * math.prod(many)
        elif each.kind not in _NO_ARITHMETIC:
            weight = 10 if each.kind in _SLOW else 1
            operations[kind] += weight * _elements(each.shape)


def _is_product(each: Instruction) -> bool:
    gemm = each.kind == "custom-call" and "gemm" in _target(each)
    return gemm or each.kind == "dot"


def _runs_kernels(each: Instruction) -> bool:
    """True of what is no kernel itself: a loop, a choice, what runs beside others."""
    started = each.kind.endswith("-start") and bool(each.called)
    return started or each.kind in ("while", "conditional", "call")


def _read(inside: dict[str, Instruction]) -> tuple[float, float]:
    """Bytes that a fusion reads of its parameters, and those of its results that it
    leaves as they are: an array of which a slice is replaced.

    A fusion makes what its results need: where it takes a slice, no more than that.
    """
    *_, root = inside.values()
    roots = [inside[k] for k in root.operands] if root.kind == "tuple" else [root]
    needed = dict.fromkeys(inside, 0)
    kept = 0
    for each in roots:
        needed[each.name] = _elements(each.shape)
        if each.kind == "dynamic-update-slice":
            change = _size(inside[each.operands[1]].shape)
            kept += _size(each.shape) - change
    for each in reversed(inside.values()):
        for at, name in enumerate(each.operands):
            if name not in inside:
                continue
            whole = _elements(inside[name].shape)
            if each.kind in _WHOLE:
                wanted = whole
            elif each.kind in _SLICES and at == 0:
                wanted = needed[name] + min(needed[each.name], _elements(each.shape))
            elif each.kind == "dynamic-update-slice" and at == 0 and each in roots:
                wanted = 0
            else:
                wanted = needed[each.name]
            needed[name] = max(needed[name], min(whole, wanted))
    given = [k for k in inside.values() if k.kind == "parameter" and _elements(k.shape)]
    read = sum(_size(k.shape) * needed[k.name] / _elements(k.shape) for k in given)
    return read, kept


def _instruction(name: str, text: str) -> Instruction:
    shape, rest = _until_closed(text) if text[0] == "(" else text.split(" ", 1)
    kind, rest = rest.strip().split("(", 1)
    operands, rest = _until_closed("(" + rest)
    if kind == "constant":
        rest = operands[1:] + rest
    return Instruction(
        name, shape, kind, tuple(re.findall(r"%([\w.\-]+)", operands)), rest
    )


def _until_closed(text: str) -> tuple[str, str]:
    """Text up to where its first bracket closes, and what follows."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[: at + 1], text[at + 1 :]
    return text, ""


def _target(each: Instruction) -> str:
    found = re.search(r'custom_call_target="([^"]*)"', each.rest)
    return found[1] if found else ""


def _trips(each: Instruction) -> int | None:
    found = re.search(r'"known_trip_count":\{"n":"(\d+)"', each.rest)
    return int(found[1]) if found else None


def _dims(shape: str) -> list[tuple[int, ...]]:
    return [
        tuple(map(int, filter(None, dims.split(","))))
        for _, dims in _SHAPE.findall(shape)
    ]


def _elements(shape: str) -> int:
    """Of the first array: a second one of a product is its workspace."""
    return math.prod(_dims(shape)[0]) if _dims(shape) else 0


def _size(shape: str) -> int:
    """Bytes of all arrays of a shape."""
    total = 0
    for kind, dims in _SHAPE.findall(shape):
        bits = re.search(r"\d+", kind)
        width = _BYTES.get(kind) or (max(1, int(bits[0]) // 8) if bits else 0)
        total += width * math.prod(map(int, filter(None, dims.split(","))))
    return total


def _kind_of(shape: str) -> str:
    found = _SHAPE.search(shape)
    return found[1] if found and found[1] in ("f32", "f64") else "integer"


def _contracted(each: Instruction, body: dict[str, Instruction]) -> int:
    found = re.search(
        r"lhs_contracting_dim(?:s=\{([\d,]*)\}|ensions\":\[([^\]]*)\])", each.rest
    )
    if found is None:
        return 1
    (left, *_) = _dims(body[each.operands[0]].shape)
    return math.prod(left[int(k)] for k in re.findall(r"\d+", found[1] or found[2]))
