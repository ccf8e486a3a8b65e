"""What is counted in the text of an optimised program."""

import pytest

from gpu_cards import CARDS
from optimised_programs import Program

H100 = CARDS["h100"]
TEXT = """
HloModule jit_f

%product (a: f32[100,200], b: f32[200,50]) -> f32[100,50] {
  %a = f32[100,200]{1,0} parameter(0)
  %b = f32[200,50]{1,0} parameter(1)
  ROOT %dot.1 = f32[100,50]{1,0} dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}, operand_precision={highest,highest}
}

%row (z: f64[1000,1000], k: s32[]) -> f64[1,1000] {
  %z = f64[1000,1000]{1,0} parameter(0)
  %k = s32[] parameter(1)
  %zero = s32[] constant(0)
  %cut = f64[1,1000]{1,0} dynamic-slice(%z, %k, %zero), dynamic_slice_sizes={1,1000}
  ROOT %sum.1 = f64[1,1000]{1,0} add(%cut, %cut)
}

%four (s: (s32[], f64[1000,1000])) -> (s32[], f64[1000,1000]) {
  %s = (s32[], f64[1000,1000]{1,0}) parameter(0)
  %k.1 = s32[] get-tuple-element(%s), index=0
  %z.1 = f64[1000,1000]{1,0} get-tuple-element(%s), index=1
  %row.1 = f64[1,1000]{1,0} fusion(%z.1, %k.1), kind=kLoop, calls=%row
  ROOT %t = (s32[], f64[1000,1000]{1,0}) tuple(%k.1, %z.1)
}

%less (s.1: (s32[], f64[1000,1000])) -> pred[] {
  %s.1 = (s32[], f64[1000,1000]{1,0}) parameter(0)
  %k.2 = s32[] get-tuple-element(%s.1), index=0
  %most = s32[] constant(60)
  %far = f64[] constant(1000)
  ROOT %lt = pred[] compare(%k.2, %most), direction=LT
}

ENTRY %main (p: f32[100,200], q: f32[200,50], s.2: (s32[], f64[1000,1000])) -> f32[100,50] {
  %p = f32[100,200]{1,0} parameter(0)
  %q = f32[200,50]{1,0} parameter(1)
  %s.2 = (s32[], f64[1000,1000]{1,0}) parameter(2)
  %while.1 = (s32[], f64[1000,1000]{1,0}) while(%s.2), condition=%less, body=%four, backend_config={"known_trip_count":{"n":"4"}}
  %while.2 = (s32[], f64[1000,1000]{1,0}) while(%s.2), condition=%less, body=%four
  %said = f32[100,50]{1,0} custom-call(%q), custom_call_target="xla_ffi_python_gpu_callback"
  %loose = f32[100,50]{1,0} custom-call(%p, %q), custom_call_target="__cublas$gemm", backend_config={"dot_dimension_numbers":{"lhs_contracting_dimensions":["1"]},"precision_config":{"operand_precision":["DEFAULT","DEFAULT"]}}
  ROOT %gemm = f32[100,50]{1,0} fusion(%p, %q), kind=kCustom, calls=%product
}
"""


def test_kernels_loops_and_calls_are_counted():
    program = Program(TEXT)
    assert program.loops == [4, None]
    assert len(program.products) == 2
    assert program.in_tf32 == ["loose"]
    assert program.calls("callback") == 1 and program.calls("cublas") == 1


def test_work_is_that_of_loops_as_often_as_they_run():
    work = Program(TEXT).work(H100)
    # Of each step the sum of a row and the comparison; 6 steps where a tenth of 60 is
    # counted, a whole number. A row is read and written, not the table.
    assert work.launches == 3 + (4 + 6) * 2
    product = 4 * (100 * 200 + 200 * 50 + 100 * 50)
    callback = 4 * (200 * 50 + 100 * 50)
    rows = 10 * 2 * 8 * 1000
    assert work.bytes == pytest.approx(2 * product + callback + rows, rel=0.01)
    assert work.operations["f32 products"] == 2 * (2 * 100 * 200 * 50)
    assert work.operations["f64"] == 10 * 1000


def test_a_kernel_takes_what_limits_it():
    work = Program(TEXT).work(H100)
    assert work.memory == pytest.approx(work.bytes / H100.bandwidth)
    assert max(work.memory, work.float32, work.float64) <= work.seconds
    assert work.seconds <= work.memory + work.float32 + work.float64


def test_what_a_condition_alone_starts_is_not_counted():
    """As the product that follows where a solve misses its tolerance."""
    late = """
%missed (s.3: (s32[], f64[1000,1000])) -> pred[] {
  %s.3 = (s32[], f64[1000,1000]{1,0}) parameter(0)
  %k.3 = s32[] get-tuple-element(%s.3), index=0
  ROOT %p.3 = pred[] convert(%k.3)
}
"""
    looped = "condition=%less, body=%four\n"
    program = Program(late + TEXT.replace(looped, looped.replace("less", "missed")))
    assert program.work(H100).launches == 3 + 4 * 2
