# SPDX-License-Identifier: BSD-3-Clause
"""The machine: what every result has to say of it, and what its processes used of it."""

import datetime
import os
import platform
import re
import subprocess

TICK = os.sysconf("SC_CLK_TCK")
HUGE_DIR = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


def _first(pattern, text, default=""):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else default


def tsc_mhz():
    """Rate of the time stamp counter. The kernel's BogoMIPS is twice that where it calibrates its
    delay loop by the TSC, which it does on every x86 of these days."""
    return round(float(_first(r"^bogomips\s*:\s*([\d.]+)", _read("/proc/cpuinfo"), "0")) / 2)


def _output(*arguments):
    try:
        return subprocess.run(arguments, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def hardware():
    """The hardware block."""
    cpuinfo = _read("/proc/cpuinfo")
    return {
        "cpu": _first(r"^model name\s*:(.*)", cpuinfo),
        "cores": os.cpu_count(),
        "tsc_mhz": tsc_mhz(),
        "cache_l3": _read("/sys/devices/system/cpu/cpu0/cache/index3/size"),
        "memory_mb": int(_first(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), "0")) // 1024,
        "hugepages_2m": int(_read(f"{HUGE_DIR}/nr_hugepages") or 0),
        "kernel": platform.release(),
        "dpdk": _output("pkg-config", "--modversion", "libdpdk").strip(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "unknown",
        "hypervisor": _first(r"^Hypervisor vendor:(.*)", _output("lscpu"), "none"),
        "isolated_cores": _read("/sys/devices/system/cpu/isolated") or "none",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def describe(block):
    """The hardware block in a line for people."""
    return (f"{block['cpu']}, {block['cores']} cores, TSC {block['tsc_mhz']} MHz, "
            f"L3 {block['cache_l3'] or 'unknown'}, {block['memory_mb']} MB; "
            f"kernel {block['kernel']}, DPDK {block['dpdk']}, "
            f"{block['hugepages_2m']} pages of 2 MB; governor {block['governor']}, "
            f"hypervisor {block['hypervisor']}, isolated cores {block['isolated_cores']}; "
            f"{block['date']}")


def cpu_seconds(pid):
    """User and system time of a process with all its threads, those that ended included."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 13:
        return 0  # it has ended
    return (int(fields[11]) + int(fields[12])) / TICK


def session_cpu_seconds(pid):
    """The same of a program that has processes of its own: of all in its session."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _read(f"/proc/{entry}/stat").rpartition(")")[2].split()
            if len(fields) > 12 and int(fields[3]) == pid:
                total += int(fields[11]) + int(fields[12])
    return total / TICK


def rss_mb(pid):
    """Memory in use, hugepages included: VmRSS leaves those out."""
    status = _read(f"/proc/{pid}/status")
    kb = sum(int(_first(rf"^{key}:\s*(\d+)", status, "0")) for key in ("VmRSS", "HugetlbPages"))
    return kb / 1024


class Disturbance:
    """How quiet the machine is between start and text(): time stolen by the hypervisor, and what
    others than ourselves made it do (load)."""

    def __init__(self):
        self.before = self._counters()

    @staticmethod
    def _counters():
        fields = [int(n) for n in _read("/proc/stat").splitlines()[0].split()[1:]]
        return fields[7], sum(fields[:8])

    def steal_percent(self):
        steal, total = self._counters()
        return 100 * (steal - self.before[0]) / max(1, total - self.before[1])

    def text(self):
        """What belongs into the note of a figure; empty if it was quiet."""
        words = []
        steal = self.steal_percent()
        if steal >= 0.1:
            words.append(f"{steal:.1f} % of the CPU time was stolen by the hypervisor")
        runnable = int(_read("/proc/loadavg").split()[3].split("/")[0])
        others = runnable - os.cpu_count()
        if others > 0:
            words.append(f"{others} runnable tasks more than cores")
        return "not quiet: " + ", ".join(words) if words else ""
