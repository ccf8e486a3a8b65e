"""The instrument from the tables in the replication: its rows, and what is said."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.papers.trade_imbalance.columns import CONTROLS, OUTCOMES
from tivax.engine.papers.trade_imbalance.exposed import Exposed, exposed
from tivax.engine.papers.trade_imbalance.report import from_tables
from tivax.engine.papers.trade_imbalance.report.texts import report_words
from tivax.engine.reporting import Language, Points, Section, Table, Text


@pytest.fixture(scope="module")
def world() -> tx.WorldTables:
    return tx.synthetic_world(regions=12, sectors=2, years=6, seed=5)


@pytest.fixture(scope="module")
def frame(world) -> pd.DataFrame:
    index = tx.referee.exposure_instrument(world).table.rename(
        columns={"region": "iso3", "tbi": "TBI"}
    )
    noise = np.random.default_rng(0).normal(size=(len(index), 12))
    return index[["iso3", "year", "TBI"]].assign(
        **dict(zip((*OUTCOMES, *CONTROLS), noise.T, strict=True))
    )


def test_rows_are_those_of_exposure(world, frame):
    found = exposed(frame, world)
    assert found is not None
    made = tx.referee.exposure_instrument(world)
    assert found.base == made.base == world.years[0]
    table = made.estimate(
        frame,
        OUTCOMES[1],
        treatment="TBI",
        controls=CONTROLS,
        entity="iso3",
        time="year",
    ).table.set_index("method")
    row = found.rows.iloc[1]
    assert row["estimate"] == pytest.approx(table.loc["AKM", "estimate"])
    assert row["se"] == pytest.approx(table.loc["AKM", "se"])
    assert row["ci_low"] == pytest.approx(table.loc["AKM0", "ci_low"])
    assert len(found.rows) == 5 and len(found.checks) == 1 + len(CONTROLS)
    assert exposed(frame, None) is None


def section_of(found: Exposed, language: Language) -> Section:
    result = cast(Any, SimpleNamespace(exposed=found, skipped={}))
    (section,) = from_tables.instrument(result, report_words(language))
    return section


def said(found: Exposed) -> str:
    section = section_of(found, "en")
    return " ".join(k.text for k in section.blocks if isinstance(k, Text))


def test_what_is_said_follows_strength_and_checks(world, frame):
    found = exposed(frame, world)
    assert found is not None
    rows = found.rows.assign(p_value=[0.01, 0.5, 0.5, 0.5, 0.5])
    checks = found.checks.assign(p_value=0.5)
    weak = replace(found, f=2.0, rows=rows, checks=checks)
    assert "the tables do not decide them" in said(weak)
    strong = replace(weak, f=40.0)
    assert "rejects no effect of balance for KOFGIdj, and no check" in said(strong)
    failed = replace(strong, checks=checks.assign(p_value=0.01))
    assert "speak against the instrument itself" in said(failed)
    none = replace(strong, rows=rows.assign(p_value=0.9))
    assert "For no outcome does it reject" in said(none)


@pytest.mark.parametrize("f", [2.0, 40.0])
@pytest.mark.parametrize("p", [0.00001, 0.9])
@pytest.mark.parametrize("rejects", [True, False])
def test_every_sentence_and_cell_has_chinese_words(world, frame, f, p, rejects):
    found = exposed(frame, world)
    assert found is not None
    rows = found.rows.assign(
        p_value=p,
        ci_low=[-np.inf, -3.0, -3.0, 1.0, 1.0],
        ci_high=[np.inf, 2.0, 2.0, 2.0, 2.0],
        shape=["line", "union", "union", "interval", "interval"],
    )
    checks = found.checks.assign(p_value=0.00001 if rejects else 0.5)
    of = replace(found, f=f, rows=rows, checks=checks)
    section = section_of(of, "zh")
    texts = [section.title]
    for block in section.blocks:
        if isinstance(block, Text):
            texts.append(block.text)
        elif isinstance(block, Points):
            texts += block.points
        elif isinstance(block, Table):
            texts += [block.caption, *block.frame]
            texts += map(str, block.frame.to_numpy().ravel())
    told = "\n".join(texts)
    assert not re.findall("[A-Za-z]{3,} [a-z]{2,}", told)
    assert "−3.0以下及2.0以上" in told and "整条实数轴" in told
    assert ("（拒绝）" in told) == rejects


def test_without_tables_there_is_a_reason_or_no_section():
    nothing = cast(Any, SimpleNamespace(exposed=None, skipped={}))
    assert from_tables.instrument(nothing, report_words()) == []
    skipped = {from_tables.INSTRUMENT: "no years"}
    why = cast(Any, SimpleNamespace(exposed=None, skipped=skipped))
    assert "Not computed: no years." in str(
        from_tables.instrument(why, report_words())[0].blocks[0]
    )
