import json
import sys
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.bench import cases
from tivax.bench.harness import Case, machine, measure
from tivax.bench.solve_limits import bare_parts, bare_passes
from tivax.engine import TivaxError, open_store, save_store, synthetic_world
from tivax.engine.cli.terminal import Terminal
from tivax.engine.cli.tools import bench as run
from tivax.engine.cli.tools.bench_compare import compare_results
from tivax.engine.tables import WorldShape

# Compiling a world takes seconds: the shape of tests/test_cli.py, compiled once.
SHAPE = WorldShape(regions=4, sectors=5, years=3)
# The fast solve stops below 1e-12; the others round at 1e-15.
ERROR = 1e-11


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cases, "SMALL", SHAPE)
        return cases.make_world(tmp_path_factory.mktemp("world"), full=False)


class Clock:
    """Methods that take the seconds they are told, on a clock of their own.

    The first call, then for each round a call that is not timed and one that is.
    """

    def __init__(self, monkeypatch, **seconds):
        self.now, self.calls, self.seconds = 0.0, [], seconds
        monkeypatch.setattr("time.perf_counter", lambda: self.now)
        monkeypatch.setattr("time.sleep", lambda seconds: None)

    def method(self, name):
        def call():
            self.now += self.seconds[name][sum(k == name for k in self.calls)]
            self.calls.append(name)
            return jnp.asarray(len(self.calls))

        return call

    def case(self, **options):
        methods = {name: self.method(name) for name in self.seconds}
        return Case("made up", methods, error=float, **options)


# --------------------------------------------------------------------- the harness


TIMES = {
    "fast": [10.0, 90.0, 1.0, 90.0, 3.0, 90.0, 2.0],
    "slow": [8.5, 1.0, 8.0, 1.0, 9.0, 1.0, 7.0],
}


def test_times_are_medians_and_ratios_refer_to_the_baseline(monkeypatch):
    clock = Clock(monkeypatch, **TIMES)
    fast, slow = measure(clock.case(baseline="slow", rounds=3))
    assert (fast.case, fast.method, fast.baseline) == ("made up", "fast", "slow")
    assert (fast.median_s, fast.min_s, fast.compile_s) == (2.0, 1.0, 8.0)
    assert (slow.median_s, slow.min_s, slow.compile_s) == (8.0, 7.0, 0.5)
    assert (fast.ratio, slow.ratio) == (4.0, 1.0)


def test_methods_take_turns(monkeypatch):
    clock = Clock(monkeypatch, a=[1.0] * 5, b=[1.0] * 5)
    measure(clock.case(baseline="a", rounds=2))
    assert clock.calls == ["a", "b", *("a", "a", "b", "b") * 2]


def test_the_residual_is_that_of_the_methods_own_first_answer(monkeypatch):
    clock = Clock(monkeypatch, a=[1.0] * 3, b=[1.0] * 3)
    a, b = measure(clock.case(baseline="a", rounds=1))
    assert (a.residual, b.residual) == (1.0, 2.0)


def test_a_first_call_that_is_not_slower_compiles_nothing(monkeypatch):
    clock = Clock(monkeypatch, a=[1.0, 2.0, 2.0])
    (timing,) = measure(clock.case(baseline="a", rounds=1))
    assert timing.compile_s == 0.0


def test_the_machine_names_the_blas_settings_that_are_set(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    about = machine()
    assert about["blas"]["OMP_NUM_THREADS"] == "1"
    assert "MKL_NUM_THREADS" not in about["blas"]
    assert about["dtype"] == "float64" and about["cores"] >= 1
    json.dumps(about)


# ----------------------------------------------------------------------- the cases


def test_the_world_is_what_numpy_makes_of_its_tables(world):
    assert world.size == "4 x 5 x 3"
    for k, table in enumerate(world.tables):
        A = np.divide(table.Z, table.x, out=np.zeros_like(table.Z), where=table.x > 0)
        assert_allclose(world.A[k], A, rtol=1e-14)
        assert_allclose(world.Y[k], table.Y.sum(axis=2), rtol=1e-14)
        v = np.where(table.x > 0, 1 - A.sum(axis=0), 0)
        assert_allclose(world.v[k], v, rtol=1e-12)


def test_the_ratio_is_for_one_repeat():
    """Ten draws in 2 s beside one in 1 s: five times as fast."""
    case = Case(
        "made up",
        {"fast": lambda: None, "slow": lambda: None},
        baseline="slow",
        error=lambda answer: 0.0,
        repeats={"fast": 10},
    )
    assert case.speed_up({"fast": 2.0, "slow": 1.0}, "fast") == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", cases.CASES)
def test_every_method_gives_the_answer_and_a_wrong_one_is_noticed(world, name):
    if name in ("pymrio", "mario"):
        pytest.importorskip(name)
    case = cases.CASES[name](world)
    assert case is not None and case.name == name
    assert case.baseline in case.methods
    assert next(iter(case.methods)).startswith("tivax")
    for method, call in case.methods.items():
        answer = call()
        if method in ("bare passes", "bare parts"):
            assert case.error(answer) > 0.01
        if method in case.limits:
            continue
        assert case.error(answer) < case.tolerance, method
        if name == "wild" and answer.size == 1:  # p, within its Monte-Carlo error
            assert case.error(np.array(answer + 0.1)) > 0.01
            continue
        wrong = [1.001 * np.asarray(part) for part in answer]
        wrong = np.array(wrong) if isinstance(answer, np.ndarray) else wrong
        assert case.error(wrong) > 1e-5, method


# ---------------------------------------------------------------------- tivax bench


def run_bench(out, monkeypatch, **options):
    monkeypatch.setattr(cases, "SMALL", SHAPE)
    options = {"full": False, "only": None, "force": False} | options
    run.run_bench(out, terminal=Terminal(quiet=True), **options)


def test_bench_writes_its_rows_the_machine_and_a_manifest(
    tmp_path, monkeypatch, capsys
):
    run_bench(tmp_path / "out", monkeypatch, only="solve")
    frame = pd.read_csv(tmp_path / "out" / "bench.csv")
    # design.md, section 5
    assert list(frame) == (
        "case,method,median_s,min_s,compile_s,residual,baseline,ratio".split(",")
    )
    assert set(frame["case"]) == {"solve"} and len(frame) == 7
    answers = frame[~frame["method"].isin(["bare passes", "bare parts"])]
    assert (answers["residual"] < ERROR).all() and frame["residual"].isna().sum() == 2
    median = frame.set_index("method")["median_s"]
    ratio = frame["baseline"].map(median) / frame["median_s"]
    assert_allclose(frame["ratio"], ratio, rtol=1e-12)
    assert (frame["min_s"] <= frame["median_s"]).all() and (frame["min_s"] > 0).all()

    document = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert document["size"] == "4 x 5 x 3"
    assert [row["method"] for row in document["rows"]] == frame["method"].tolist()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["command"] == "bench" and manifest["seed"] == cases.SEED
    assert manifest["residual_max"] == frame["residual"].max()
    assert manifest["outputs"] == ["bench.csv", "bench.json"]
    assert manifest["machine"] == document["machine"] == machine()
    shown = capsys.readouterr().out
    for method in frame["method"]:
        assert method in shown


def test_a_case_whose_package_is_not_there_is_left_out_and_named(
    tmp_path, monkeypatch, capsys
):
    needed = {"mario": "the package mariopy", "pymrio": "the extra tivax[bench]"}
    for name, package in needed.items():
        monkeypatch.setitem(cases.CASES, name, lambda world: None)
        run_bench(tmp_path / "out", monkeypatch, only=name, force=True)
        assert f"{name}: left out, needs {package}" in capsys.readouterr().out
    header = (tmp_path / "out" / "bench.csv").read_text()
    assert header.strip() == ",".join(run.COLUMNS)


def test_without_a_choice_all_cases_run(tmp_path, monkeypatch, capsys):
    ran = []
    for name in list(cases.CASES):
        monkeypatch.setitem(cases.CASES, name, lambda world, k=name: ran.append(k))
    run_bench(tmp_path / "out", monkeypatch)
    assert ran == [*cases.CASES]


def test_what_cannot_run_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "make_world", lambda *k, **options: pytest.fail("worked"))
    with pytest.raises(TivaxError, match="no case 'solv'; choose from solve, inverse"):
        run_bench(tmp_path / "out", monkeypatch, only="solv")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bench.csv").write_text("older")
    with pytest.raises(TivaxError, match="out: exists already"):
        run_bench(tmp_path / "out", monkeypatch)
    assert (tmp_path / "out" / "bench.csv").read_text() == "older"


def test_cases_that_need_another_package_say_so_by_none(world, monkeypatch):
    modules = {"inverse": "scipy.linalg", "pymrio": "pymrio", "mario": "mario"}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, module, None)  # the import fails
        assert cases.CASES[name](world) is None


# ------------------------------------------------------- a store, and two results


def test_results_are_not_written_into_the_store(world, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "make_world", lambda *k, **options: pytest.fail("worked"))
    store = tmp_path / "store"
    save_store(world.tables, store)
    for out in (store, store / "bench"):
        with pytest.raises(TivaxError, match="store; choose|store itself; choose"):
            run_bench(out, monkeypatch, store=store, force=True)
    assert not (store / "bench").exists()


def test_the_solve_on_a_store_is_a_case_named_by_its_years(world, tmp_path):
    save_store(
        synthetic_world(replace(SHAPE, years=1, first_year=2014)), tmp_path / "one"
    )
    for tables, name in (
        (open_store(tmp_path / "one"), "solve-2014"),
        (world.tables, f"solve-{world.tables.years[0]}-{world.tables.years[-1]}"),
    ):
        case = cases.solve_of_store(cases.world_of(tables, tmp_path, full=False))
        assert (
            case.name == name and {"bare passes", "bare parts"} <= case.methods.keys()
        )
        assert case.error(case.methods["tivax"]()) < ERROR


def test_the_solve_on_a_world_of_another_size(tmp_path):
    case = cases.solve_of_size(replace(SHAPE, years=1), tmp_path)
    assert case.name == "solve-4x5x1"
    assert list(case.methods) == ["tivax", "numpy solve", "bare passes", "bare parts"]
    assert case.error(case.methods["tivax"]()) < ERROR


def test_bare_products_are_those_of_an_inverse(world):
    """One product of two n x n matrices, and none where no inverse is formed."""
    case = cases.CASES["wwz"](world)
    assert case is not None and case.limits == ("bare products, 1 year",)
    A = world.A[0]
    assert_allclose(case.methods[case.limits[0]](), A @ A, rtol=1e-12)
    source = cases.CASES["bm_source"](world)
    assert source is not None and source.limits == ()


def test_bare_passes_are_the_products_and_nothing_else(world):
    passes = np.array([1, 2, 5])
    bare = bare_passes(jnp.asarray(world.A), jnp.asarray(world.Y), passes)
    for k, count in enumerate(passes - 1):
        A, Y = world.A[k], world.Y[k]
        powers = [np.linalg.matrix_power(A, j) @ Y for j in range(5)]
        # A float32 product of 20 industries rounds by 1e-7 of its size.
        assert_allclose(bare()[k], powers[1] + powers[count], rtol=1e-5)


def test_bare_parts_are_passes_and_as_many_applications_of_the_preconditioner(world):
    """P^-1 approximates (I - A)^-1: each application multiplies by it, about."""
    passes, (_, n, c) = np.array([1, 2, 5]), world.Y.shape
    parts = bare_parts(jnp.asarray(world.A), jnp.asarray(world.Y), passes, regions=c)
    for k, count in enumerate(passes):
        A, Y = world.A[k], world.Y[k]
        products = A @ Y + np.linalg.matrix_power(A, count - 1) @ Y
        B = np.linalg.inv(np.eye(n) - A)
        found = parts()[k] - products
        for often, close in ((count, True), (count - 1, False), (count + 1, False)):
            applied = np.linalg.matrix_power(B, often) @ Y
            off = np.linalg.norm(found - applied) / np.linalg.norm(applied)
            assert (off < 0.02) == close


def written_bench(folder, size="4 x 5 x 3", **seconds):
    folder.mkdir()
    document = {"machine": machine(), "size": size, "rows": [], "notes": {}}
    for method, median in seconds.items():
        document["rows"].append({"case": "solve", "method": method, "median_s": median})
    (folder / "bench.json").write_text(json.dumps(document))
    return folder


def test_two_results_are_compared_by_case_and_method(tmp_path, capsys):
    a = written_bench(tmp_path / "a", tivax=3.0, lapack=8.0, other=1.0)
    b = written_bench(tmp_path / "b", tivax=1.5, lapack=16.0)
    compare_results(a, b, Terminal(json=True))
    rows = json.loads(capsys.readouterr().out)["rows"]
    found = {row["method"]: (row["A"], row["B"], row["ratio"]) for row in rows}
    assert found == {"tivax": (3.0, 1.5, 2.0), "lapack": (8.0, 16.0, 0.5)}


def test_results_that_cannot_be_compared_are_named(tmp_path):
    a = written_bench(tmp_path / "a", tivax=3.0)
    small = written_bench(tmp_path / "small", size="2 x 2 x 1", tivax=1.0)
    other = written_bench(tmp_path / "other", lapack=1.0)
    for second, message in (
        (small, "small of 2 x 2 x 1: time both with --full"),
        (other, "no case and method in common"),
        (tmp_path / "none", "none: no such file"),
    ):
        with pytest.raises(TivaxError, match=message):
            compare_results(a, second, Terminal(quiet=True))
    (a / "bench.json").write_text("[]")
    with pytest.raises(TivaxError, match="is not a bench.json of tivax bench"):
        compare_results(a, a, Terminal(quiet=True))


@pytest.mark.parametrize(
    "place, value",
    [
        (("rows", 0, "median_s"), 0.0),
        (("rows", 0, "median_s"), "fast"),
        (("rows", 0, "case"), 3),
        (("machine",), 3),
        (("machine",), {"packages": {}}),
    ],
)
def test_a_result_that_was_changed_is_named(tmp_path, place, value):
    a = written_bench(tmp_path / "a", tivax=3.0)
    b = written_bench(tmp_path / "b", tivax=3.0)
    changed = part = json.loads((b / "bench.json").read_text())
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    (b / "bench.json").write_text(json.dumps(changed))
    with pytest.raises(TivaxError) as told:
        compare_results(a, b, Terminal(quiet=True))
    assert str(told.value) == f"{b / 'bench.json'} is not a bench.json of tivax bench"
