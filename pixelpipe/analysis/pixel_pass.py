"""One pass over the pixels of a full-size image: how flat its cells are and where its edges lie.

Compiled float32 loops, within 1e-6 of `color`'s float64. A row of pixels at a time, so that its planes stay in the
processor's first cache; cells are summed about their middle pixel, so that a flat cell has an error of exactly 0.
"""

import numpy as np

from pixelpipe.analysis.color import LINEAR_SRGB_TO_LMS, LMS_TO_OKLAB, TOE_K1, TOE_K2, TOE_K3
from pixelpipe.analysis.compiled import compiled, read_only

_f = np.float32
(_LR, _LG, _LB), (_MR, _MG, _MB), (_SR, _SG, _SB) = (map(_f, row) for row in LINEAR_SRGB_TO_LMS)
(_LL, _LM, _LS), (_AL, _AM, _AS), (_BL, _BM, _BS) = (map(_f, row) for row in LMS_TO_OKLAB)
_K1, _K3, _FOUR_K2_K3 = _f(TOE_K1), _f(TOE_K3), _f(4 * TOE_K2 * TOE_K3)
_ZERO, _HALF, _ONE, _THIRD = _f(0), _f(0.5), _f(1), _f(1 / 3)
_SMALLEST = _f(1e-30)  # the cube root of black is then 1e-10 and not 0/0
_BIAS = np.int32(709958130)  # the part of float32's exponent bias that dividing the bits by 3 takes away

_IMAGE, _TABLE, _INDICES = read_only("uint8", 3), read_only("float32", 1), read_only("int64", 1)
_ROWS, _GRID, _LINE = "float32[:, ::1]", "float64[:, ::1]", "float64[::1]"


@compiled(f"void({_ROWS}, {_ROWS})")
def _cube_roots(values, roots):
    """A third of the exponent (3% off), then Halley's step twice: float32's last bits."""
    bits, guesses = values.view(np.int32), roots.view(np.int32)
    for row in range(3):
        for x in range(values.shape[1]):
            guesses[row, x] = np.int32(_f(bits[row, x]) * _THIRD) + _BIAS
        for x in range(values.shape[1]):
            cube, root = values[row, x], roots[row, x]
            third = root * root * root
            root = root * (third + cube + cube) / (third + third + cube)
            third = root * root * root
            roots[row, x] = root * (third + cube + cube) / (third + third + cube)


@compiled(f"void({read_only('uint8', 2)}, {_TABLE}, {_ROWS}, {_ROWS}, {_ROWS})")
def _oklab_row(pixels, linear, lms, roots, lab):
    """`pixels` (W, 3) uint8 -> `lab` (3, W): L_r, a, b. `lms` and `roots` (3, W) are scratch."""
    width = pixels.shape[0]
    for x in range(width):
        lab[0, x] = linear[pixels[x, 0]]
        lab[1, x] = linear[pixels[x, 1]]
        lab[2, x] = linear[pixels[x, 2]]
    for x in range(width):
        red, green, blue = lab[0, x], lab[1, x], lab[2, x]
        lms[0, x] = max(_LR * red + _LG * green + _LB * blue, _SMALLEST)
        lms[1, x] = max(_MR * red + _MG * green + _MB * blue, _SMALLEST)
        lms[2, x] = max(_SR * red + _SG * green + _SB * blue, _SMALLEST)
    _cube_roots(lms, roots)
    for x in range(width):
        long, medium, short = roots[0, x], roots[1, x], roots[2, x]
        lightness = min(max(_LL * long + _LM * medium + _LS * short, _ZERO), _ONE)
        shifted = _K3 * lightness - _K1
        lab[0, x] = _HALF * (shifted + np.sqrt(shifted * shifted + _FOUR_K2_K3 * lightness))
        lab[1, x] = _AL * long + _AM * medium + _AS * short
        lab[2, x] = _BL * long + _BM * medium + _BS * short


@compiled(f"void({_ROWS}, {_INDICES}, {_INDICES}, int64, {_ROWS})")
def _spread_origins(lab, column_edges, inner_columns, num_inner, origins):
    """The color of each cell's middle column all over the cell."""
    for cell in range(len(inner_columns)):
        middle = inner_columns[cell] + num_inner // 2
        for plane in range(3):
            for x in range(column_edges[cell], column_edges[cell + 1]):
                origins[plane, x] = lab[plane, middle]


@compiled(f"void({_ROWS}, {_ROWS}, {_ROWS})")
def _add_row(lab, origins, sums):
    """Add a row's offsets from `origins` to `sums[:3]`, and their squared length to `sums[3]`."""
    for x in range(lab.shape[1]):
        lightness, a, b = lab[0, x] - origins[0, x], lab[1, x] - origins[1, x], lab[2, x] - origins[2, x]
        sums[0, x] += lightness
        sums[1, x] += a
        sums[2, x] += b
        sums[3, x] += lightness * lightness + a * a + b * b


@compiled(f"float64({_ROWS}, {_ROWS})")
def _step(lab, previous):
    """Sum of squared Delta E_OK between two rows."""
    total = _ZERO
    for x in range(lab.shape[1]):
        lightness, a, b = lab[0, x] - previous[0, x], lab[1, x] - previous[1, x], lab[2, x] - previous[2, x]
        total += lightness * lightness + a * a + b * b
    return np.float64(total)


@compiled(f"void({_ROWS}, {_LINE})")
def _add_steps(lab, across):
    """Add the squared Delta E_OK between each pixel and the one on its left."""
    for x in range(1, lab.shape[1]):
        lightness, a, b = lab[0, x] - lab[0, x - 1], lab[1, x] - lab[1, x - 1], lab[2, x] - lab[2, x - 1]
        across[x] += lightness * lightness + a * a + b * b


@compiled(f"float64({_ROWS}, int64, int64, float64)")
def _rms(sums, first, last, num_pixels):
    """RMS distance to their mean of the pixels in columns [first, last) whose rows were added up in `sums`."""
    lightness, a, b, square = 0.0, 0.0, 0.0, 0.0
    for x in range(first, last):
        lightness += sums[0, x]
        a += sums[1, x]
        b += sums[2, x]
        square += sums[3, x]
    variance = square / num_pixels - (lightness * lightness + a * a + b * b) / (num_pixels * num_pixels)
    return np.sqrt(max(variance, 0.0))


@compiled("float32[:, ::1](int64, int64)")
def _empty(num_rows, width):
    return np.empty((num_rows, width), np.float32)


@compiled(
    f"void({_IMAGE}, {_TABLE}, {_INDICES}, {_INDICES}, int64, {_INDICES}, {_INDICES}, int64,"
    f" {_GRID}, {_GRID}, {_LINE}, {_LINE})"
)
def scan(
    image,  # (H, W, 3) uint8 sRGB
    linear,  # (256,): sRGB to linear light
    row_edges,  # (g + 1,): first row of each cell, then H
    inner_rows,  # (g,): first row of each cell's inner half
    num_inner_rows,
    column_edges,
    inner_columns,
    num_inner_columns,
    inner_rms,  # out, (g, g): RMS Delta E_OK to the mean, over the inner half of each cell
    full_rms,  # out, (g, g): the same over the whole cell
    across,  # out, (W,): squared Delta E_OK between column x - 1 and x, summed over rows
    down,  # out, (H,): between row y - 1 and y, summed over columns
):
    width = image.shape[1]
    lms, roots, origins = _empty(3, width), _empty(3, width), _empty(3, width)
    lab, previous = _empty(3, width), _empty(3, width)
    outer, inner = _empty(4, width), _empty(4, width)
    for cell_row in range(len(inner_rows)):
        first_inner = inner_rows[cell_row]
        num_rows = row_edges[cell_row + 1] - row_edges[cell_row]
        _oklab_row(image[first_inner + num_inner_rows // 2], linear, lms, roots, lab)
        _spread_origins(lab, column_edges, inner_columns, num_inner_columns, origins)
        outer[:], inner[:] = _ZERO, _ZERO
        for y in range(row_edges[cell_row], row_edges[cell_row + 1]):
            _oklab_row(image[y], linear, lms, roots, lab)
            _add_steps(lab, across)
            if y:
                down[y] = _step(lab, previous)
            _add_row(lab, origins, inner if 0 <= y - first_inner < num_inner_rows else outer)
            lab, previous = previous, lab
        outer += inner  # now the whole cell
        for cell in range(len(inner_columns)):
            first, last = column_edges[cell], column_edges[cell + 1]
            full_rms[cell_row, cell] = _rms(outer, first, last, num_rows * (last - first))
            first = inner_columns[cell]
            num_pixels = num_inner_rows * num_inner_columns
            inner_rms[cell_row, cell] = _rms(inner, first, first + num_inner_columns, num_pixels)
