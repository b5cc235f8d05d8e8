# SPDX-License-Identifier: BSD-3-Clause
"""The end-to-end tests, a file for each subject."""
