"""A disk that takes longer to make writes durable, simulated for one process by a library around ``fdatasync``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int wait_then(const char *name, int file) {
    const char *text = getenv("SYNC_MICROS");
    long micros = text ? atol(text) : 0;
    struct timespec wait = {micros / 1000000, micros % 1000000 * 1000};
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    nanosleep(&wait, NULL);
    return real(file);
}

int fsync(int file) { return wait_then("fsync", file); }
int fdatasync(int file) { return wait_then("fdatasync", file); }
"""


def build(folder: Path) -> Optional[Path]:
    """The library, for ``LD_PRELOAD``; ``SYNC_MICROS`` tells how much longer. None without Linux or a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    source, library = folder / "slow_disk.c", folder / "slow_disk.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library
