"""A short campaign over mutated plans; `make fuzz` is the long one, over models too."""

from tests.engine.sanitized import FLAVOURS
from tests.engine.test_hostile_plans import samples

from .campaign import made, meet


def test_the_readers_agree_on_mutated_plans_and_what_they_open_runs_inside_its_memory(sanitized_engine):
    report = meet("plan", made("plan", 1, range(4000), samples()), map(sanitized_engine, FLAVOURS))
    assert report.findings == []
    assert report.engine["ran"] > 1000
    assert report.engine["refused"] > 1000
