"""Work in a thread beside other work."""

from threading import Event
from time import sleep

import pytest

from tivax.engine.core import beside


def test_the_result_and_the_error_are_those_of_the_function():
    with beside(lambda progress: 7) as result:
        assert result() == 7

    def refuse(progress):
        raise KeyError("no such column")

    with pytest.raises(KeyError, match="no such column"), beside(refuse) as result:
        result()


def test_the_function_runs_while_the_block_does():
    asked, answered = Event(), Event()

    def answer(progress) -> bool:
        assert asked.wait(10)
        answered.set()
        return True

    with beside(answer) as result:
        asked.set()
        assert answered.wait(10) and result()


def test_an_error_of_the_block_ends_the_function_at_its_next_progress():
    steps = []

    def run(progress) -> None:
        for k in range(2_000):
            progress(k, 2_000)
            steps.append(k)
            sleep(0.001)

    with pytest.raises(ValueError, match="the block"), beside(run):
        raise ValueError("the block")
    assert len(steps) < 2_000
