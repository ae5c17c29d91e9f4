"""The commonest color of each cell of a full-size image, and the centroid of the larger of its two clusters.

Compiled. Cells are [row_edges[i], row_edges[i + 1]) x [column_edges[j], column_edges[j + 1]).
"""

import numpy as np

from pixelpipe.analysis.compiled import compiled, read_only

_IMAGE, _INDICES, _SPRITE = read_only("uint8", 3), read_only("int64", 1), "uint8[:, :, ::1]"
_KMEANS_STEPS = 20  # bytes in two clusters settle in fewer


@compiled(f"void({_IMAGE}, {_INDICES}, {_INDICES}, {_SPRITE})")
def modes(image, row_edges, column_edges, sprite):
    """The commonest RGB triple of each cell, of equally common ones the least, -> `sprite` (g, g, 3)."""
    for row in range(len(row_edges) - 1):
        for column in range(len(column_edges) - 1):
            first, last = column_edges[column], column_edges[column + 1]
            codes = np.empty((row_edges[row + 1] - row_edges[row]) * (last - first), np.int64)
            num_codes = 0
            for y in range(row_edges[row], row_edges[row + 1]):
                for x in range(first, last):
                    codes[num_codes] = image[y, x, 0] << 16 | image[y, x, 1] << 8 | image[y, x, 2]
                    num_codes += 1
            codes.sort()
            best, best_run, run = codes[0], 0, 0
            for index in range(num_codes):
                run = run + 1 if index and codes[index] == codes[index - 1] else 1
                if run > best_run:
                    best, best_run = codes[index], run
            sprite[row, column, 0] = best >> 16
            sprite[row, column, 1] = best >> 8 & 255
            sprite[row, column, 2] = best & 255


@compiled("void(float64[:, ::1], float64[:, ::1], int64[::1])")
def _two_means(colors, centroids, sizes):
    """Lloyd's iterations from `centroids` (2, 3) on `colors` (n, 3); a cluster that is empty keeps its centroid."""
    for _ in range(_KMEANS_STEPS):
        sums = np.zeros((2, 3))
        sizes[:] = 0
        for index in range(len(colors)):
            distance = 0.0
            for channel in range(3):
                distance += (colors[index, channel] - centroids[0, channel]) ** 2
                distance -= (colors[index, channel] - centroids[1, channel]) ** 2
            cluster = 1 if distance > 0 else 0
            sizes[cluster] += 1
            for channel in range(3):
                sums[cluster, channel] += colors[index, channel]
        moved = False
        for cluster in range(2):
            for channel in range(3):
                if sizes[cluster] and sums[cluster, channel] / sizes[cluster] != centroids[cluster, channel]:
                    centroids[cluster, channel] = sums[cluster, channel] / sizes[cluster]
                    moved = True
        if not moved:
            return


@compiled(f"void({_IMAGE}, {_INDICES}, {_INDICES}, {_SPRITE})")
def centroids_of_larger_cluster(image, row_edges, column_edges, sprite):
    """k-centroid with k = 2: two-means of each cell's RGB, the mean of the larger cluster -> `sprite` (g, g, 3).

    Starts from the darkest and the brightest pixel (sum of channels), so it is deterministic; of two equally large
    clusters the darker start wins. Rounded to the nearest.
    """
    for row in range(len(row_edges) - 1):
        for column in range(len(column_edges) - 1):
            first, last = column_edges[column], column_edges[column + 1]
            colors = np.empty(((row_edges[row + 1] - row_edges[row]) * (last - first), 3))
            centroids, sizes = np.zeros((2, 3)), np.zeros(2, np.int64)
            num_colors, least, most = 0, 766, -1
            for y in range(row_edges[row], row_edges[row + 1]):
                for x in range(first, last):
                    brightness = np.int64(image[y, x, 0]) + image[y, x, 1] + image[y, x, 2]
                    for channel in range(3):
                        colors[num_colors, channel] = image[y, x, channel]
                        if brightness < least:
                            centroids[0, channel] = image[y, x, channel]
                        if brightness > most:
                            centroids[1, channel] = image[y, x, channel]
                    least, most = min(least, brightness), max(most, brightness)
                    num_colors += 1
            _two_means(colors, centroids, sizes)
            larger = 1 if sizes[1] > sizes[0] else 0
            for channel in range(3):
                sprite[row, column, channel] = np.uint8(centroids[larger, channel] + 0.5)
