from edgefn.host.capture import MAX_BYTES, Capture


def test_output_is_kept_in_order_and_taken_once():
    capture = Capture()
    assert capture.write(b"one ") == 4
    capture.write("zwö".encode())
    assert capture.take() == "one zwö"
    assert capture.take() == ""


def test_output_beyond_the_cap_is_counted_and_dropped():
    capture = Capture()
    assert capture.write(b"x" * (MAX_BYTES + 10)) == MAX_BYTES + 10
    capture.write(b"y" * 5)
    text = capture.take()
    assert text.startswith("x" * MAX_BYTES + "\n[15 more bytes were dropped]")
