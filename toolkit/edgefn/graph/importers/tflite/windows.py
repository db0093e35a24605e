"""TFLite's padding, stride and dilation options."""

from edgefn.graph.importers.bounds import MAX_WINDOW
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Window

__all__ = ["slide"]


def slide(
    call: Call, kernel: tuple[int, int], size: tuple[int, int], *, dilated: bool
) -> tuple[Window, tuple[int, int]]:
    """The window over an input of `size` (height, width), and the size of the output.

    SAME padding puts the odd element below and to the right, as TFLite's ComputePaddingHeightWidth does.
    """
    stride = (call.option("stride_h"), call.option("stride_w"))
    dilation = (call.option("dilation_h_factor"), call.option("dilation_w_factor")) if dilated else (1, 1)
    if not all(1 <= n <= MAX_WINDOW for n in (*kernel, *stride, *dilation)):
        call.refuse(f"kernel {kernel}, strides {stride}, dilations {dilation}; 1 to {MAX_WINDOW} is supported")
    reach = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    sizes = zip(size, reach, stride, strict=True)
    if call.option("padding") == "SAME":
        out = tuple(-(-n // s) for n, _, s in sizes)
        pads = tuple(max(0, (o - 1) * s + r - n) // 2 for o, n, r, s in zip(out, size, reach, stride, strict=True))
    elif call.option("padding") == "VALID":
        if size[0] < reach[0] or size[1] < reach[1]:
            call.malformed(f"a kernel that reaches {reach} does not fit an input of {size}")
        out, pads = tuple((n - r) // s + 1 for n, r, s in sizes), (0, 0)
    else:
        call.malformed(f"padding is {call.option('padding')!r}")
    return Window(kernel, stride, dilation, (pads[0], pads[1])), (out[0], out[1])
