"""A test run in the XML that CI systems read: JUnit's, as Jenkins, GitLab and GitHub's reporters take it."""

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.testing import ProfileRun, TestRun

__all__ = ["HEAD", "junit"]

HEAD = b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what no XML document may hold


def junit(run: "TestRun") -> bytes:
    """A suite a profile, a case a sample, and one for the package's size; seconds are those of CPU."""
    root = Element("testsuites", name=run.function)
    for profile in run.profiles:
        _suite(root, run.function, profile)
    _count(root, list(root.iter("testcase")))
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(root: Element, function: str, profile: "ProfileRun") -> None:
    suite = SubElement(root, "testsuite", name=f"{function} under {profile.profile}")
    where = f"{function}.{profile.profile}"
    _case(suite, where, "package", 0.0, profile.problems)
    for sample in profile.samples:
        _case(suite, where, sample.name, sample.cpu_ms / 1e3, sample.problems)
    _count(suite, list(suite))


def _case(suite: Element, where: str, name: str, seconds: float, problems: "tuple[str, ...]") -> None:
    case = SubElement(suite, "testcase", classname=where, name=_valid(name), time=f"{seconds:.6f}")
    if problems:
        told = _valid("\n".join(problems))
        SubElement(case, "failure", message=told.partition("\n")[0]).text = told


def _count(element: Element, cases: "list[Element]") -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.6f}")


def _valid(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
