import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn import Response
from edgefn.errors import HostError
from edgefn.guest.doors import text as text_door
from edgefn.guest.shim import Shim
from edgefn.host.frames import HostRequest, decode, encode


@given(
    body=st.binary(max_size=300),
    headers=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=4),
    url=st.text(max_size=20),
)
def test_a_request_arrives_in_the_guest_as_it_was_sent(body, headers, url):
    shim = Shim(
        lambda r: Response(r.body, headers=[("a", json.dumps([r.method, r.url, r.headers.pairs]))]), "/0", lambda: 1
    )
    answer = decode(text_door.answer(shim, encode(HostRequest("PUT", url, headers, body))))
    assert answer.body == body
    assert json.loads(answer.headers[0][1]) == ["PUT", url, [list(h) for h in headers]]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "x\n",
        "[]\n",
        "{}\n",
        '{"status":200,"headers":[],"enc":"base64"}\n***',
        '{"status":99,"headers":[],"enc":"text"}\n',
        '{"status":200,"headers":[[1]],"enc":"text"}\n',
        '{"status":500,"headers":[],"enc":"text","failure":{}}\n',
        '{"status":200,"headers":[["a","b\\r\\nc: d"]],"enc":"text"}\n',
        '{"status":200,"headers":[["a b","c"]],"enc":"text"}\n',
        '{"status":true,"headers":[],"enc":"text"}\n',
    ],
)
def test_a_guest_that_breaks_the_format_is_refused(frame):
    with pytest.raises(HostError, match=r"no frame|status"):
        decode(frame)


@pytest.mark.parametrize("sent", [HostRequest(body=bytes(48 << 20)), HostRequest(url="/" + "x" * (1 << 20))])
def test_a_request_larger_than_a_frame_is_refused(sent):
    with pytest.raises(HostError, match="fit into a frame"):
        encode(sent)


@given(st.text(max_size=200))
def test_any_text_from_a_guest_is_decoded_or_refused(frame):
    with suppress(HostError):
        decode(frame)
