from dataclasses import replace
from html.parser import HTMLParser

import pytest

from edgefn.bench.profile import ModelProfile, OpProfile
from edgefn.report.profile import HEAD, page, profile

CONV = OpProfile("conv2d_i8", "stem", (1, 8, 8, 16), "i8", 0.6, 0.5, 0.6, 1_200_000, 3_000, 5_000)
POOL = OpProfile("max_pool_i8", "pool", (1, 4, 4, 16), "i8", 0.4, 0.4, 0.4, 0, 0, 2_000)
RUN = ModelProfile("m", "simd128", False, "made up", (CONV, POOL), 1.2, 1.0, 0.005, 50, 6_000, 3_000)


class Tags(HTMLParser):
    """Fails when tags are not closed in their order; keeps what would be loaded, and texts."""

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "input"}:
            self.open.append(tag)
        self.loads += [v for k, v in attrs if k in {"src", "href", "srcset", "action"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data.strip())


def parsed(run):
    tags = Tags()
    tags.feed(page(run))
    assert tags.open == []
    return tags


def test_ops_stand_in_their_order_with_bars_then_their_sum_and_how_it_compares():
    assert profile(RUN).splitlines() == [
        "m (simd128)",
        "     op           layer  shape            time                                 MACs  GMAC/s  weights  memory",
        "  0  conv2d_i8    stem   1x8x8x16    600.00 µs  60.0 %  ████████████████  1,200,000     2.0     3 kB    5 kB",
        "  1  max_pool_i8  pool   1x4x4x16    400.00 µs  40.0 %  ███████████                                     2 kB",
        "     all                           1,000.00 µs                            1,200,000     1.2     3 kB    6 kB",
        "  whole inferences: 1.200 ms median of 50, 1.000 ms least, 1.0 GMAC/s",
        "  the ops' least times add up to 90.0 % of a whole inference's",
        "  by kind: conv2d 60.0 %, max_pool 40.0 %",
        f"  inputs: made up; {RUN.method} (0.005 ms)",
    ]


def test_a_model_that_takes_no_time_or_has_no_ops_is_shown_all_the_same():
    still = replace(RUN, ops=(replace(POOL, ms=0.0, least=0.0, share=0.0),), whole=0.0, least=0.0)
    for run in (still, replace(RUN, ops=())):
        assert "m (simd128)" in profile(run)
        parsed(run)
    assert "no longer than the call" in profile(still)


def test_ops_that_do_not_add_up_were_disturbed_or_are_too_short_to_tell():
    assert "90.0 % of a whole inference's\n" in profile(RUN)
    assert "other work disturbed them" in profile(replace(RUN, least=4.0))
    assert "too short to tell" in profile(replace(RUN, least=0.004))


def test_a_page_shows_every_layer_and_loads_nothing():
    tags = parsed(RUN)
    assert tags.loads == []
    assert {"stem", "pool", "conv2d_i8", "1,200,000", "1x8x8x16 i8"} <= set(tags.texts)
    assert "script" not in page(RUN)


def test_a_page_follows_the_light_or_dark_of_its_reader_and_can_be_put_in_order():
    text = page(RUN)
    assert "prefers-color-scheme: dark" in text
    assert 'style="--rank: 0"' in text
    assert text.encode().startswith(HEAD)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" onmouseover="alert(1)', "</span></div>"])
def test_names_of_hostile_models_are_text(name):
    hostile = replace(RUN, model=name, ops=(replace(CONV, name=name, op=name),))
    tags = parsed(hostile)
    assert name in tags.texts
    assert "<script" not in page(hostile)


def test_more_kinds_than_there_are_colours_share_the_last_one():
    ops = tuple(replace(POOL, op=f"op{chr(97 + i)}", ms=1 / (i + 1)) for i in range(12))
    text = page(replace(RUN, ops=ops))
    assert "hue-7" in text
    assert "hue-8" not in text
