"""The median color of the inner half of each cell of a full-size image.

Compiled. Its own module, since it is all that most processes need of the downscaling to be compiled.
"""

import numpy as np

from pixelpipe.analysis.compiled import compiled, read_only

_IMAGE, _INDICES, _SPRITE = read_only("uint8", 3), read_only("int64", 1), "uint8[:, :, ::1]"


@compiled(f"void({_IMAGE}, {_INDICES}, int64, {_INDICES}, int64, {_SPRITE})")
def medians(image, first_rows, num_rows, first_columns, num_columns, sprite):
    """Lower median of each channel over blocks of num_rows x num_columns pixels -> `sprite` (g, g, 3).

    By counting: bytes have 256 values, and a histogram of them stays in the first cache.
    """
    histogram = np.empty((3, 256), np.int32)
    rank = (num_rows * num_columns - 1) // 2
    for row in range(len(first_rows)):
        for column in range(len(first_columns)):
            histogram[:] = 0
            for y in range(first_rows[row], first_rows[row] + num_rows):
                for x in range(first_columns[column], first_columns[column] + num_columns):
                    histogram[0, image[y, x, 0]] += 1
                    histogram[1, image[y, x, 1]] += 1
                    histogram[2, image[y, x, 2]] += 1
            for channel in range(3):
                value, below = 0, histogram[channel, 0]
                while below <= rank:
                    value += 1
                    below += histogram[channel, value]
                sprite[row, column, channel] = value
