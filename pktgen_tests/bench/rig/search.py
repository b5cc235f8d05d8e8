# SPDX-License-Identifier: BSD-3-Clause
"""The highest rate without loss (RFC 2544 §26.1), by halving."""


def highest_lossless(trial, low, high, resolution):
    """trial(rate) says whether nothing was lost at that rate. low is believed to be carried, high
    not to be. Returns the highest rate that was carried, to a part of resolution; 0 if none."""
    best = 0
    if trial(high):
        return high
    while high - low > resolution * high:
        middle = (low + high) / 2
        if trial(middle):
            best = low = middle
        else:
            high = middle
    return best or (low if trial(low) else 0)
