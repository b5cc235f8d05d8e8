# SPDX-License-Identifier: BSD-3-Clause
"""The benchmarks, a file for each thing that is measured."""
