"""Test runs as JUnit's XML."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from edgefn.report.junit import HEAD, junit
from edgefn.testing import ProfileRun, SampleRun, TestRun


def sample(name, *problems):
    return SampleRun(name, not problems, 200, 2.5, 9_000_000, problems)


def parsed(run):
    return ElementTree.fromstring(junit(run))  # noqa: S314 -- our own


RUN = TestRun(
    "digits",
    (
        ProfileRun("fastly", 1_000, (sample("one"), sample("two", "status: expected 200, got 500", "more")), ()),
        ProfileRun("cloudflare-free", 90_000_000, (sample("one"), sample("two")), ("package of 90,000,000 bytes",)),
    ),
)


def test_every_profile_is_a_suite_and_every_sample_a_case():
    root = parsed(RUN)
    assert junit(RUN).startswith(HEAD)
    assert (root.get("name"), root.get("tests"), root.get("failures"), root.get("time")) == (
        "digits",
        "6",
        "2",
        "0.010000",
    )
    suites = [(s.get("name"), s.get("tests"), s.get("failures")) for s in root]
    assert suites == [("digits under fastly", "3", "1"), ("digits under cloudflare-free", "3", "1")]
    cases = [(c.get("classname"), c.get("name"), c.get("time")) for c in root[0]]
    assert cases[1:] == [("digits.fastly", "one", "0.002500"), ("digits.fastly", "two", "0.002500")]


def test_a_failure_has_its_first_line_as_message_and_all_of_them_as_text():
    found = [(f.get("message"), f.text) for f in parsed(RUN).iter("failure")]
    assert found == [
        ("status: expected 200, got 500", "status: expected 200, got 500\nmore"),
        ("package of 90,000,000 bytes", "package of 90,000,000 bytes"),
    ]


@given(name=st.text(), problem=st.text(min_size=1))
def test_any_text_makes_a_document_that_can_be_read(name, problem):
    run = TestRun("f", (ProfileRun("fastly", 1, (sample(name, problem),), ()),))
    assert len(list(parsed(run).iter("failure"))) == 1
