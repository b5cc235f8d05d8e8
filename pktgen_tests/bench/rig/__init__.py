# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmarks are built from: processes, networks, the machine, results.

process, machine, network and result know nothing of what is measured. dataplane, testpmd and
rtpengine are what is measured; rtpgen is what measures them."""
