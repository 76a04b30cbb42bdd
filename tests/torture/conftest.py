# SPDX-License-Identifier: Apache-2.0
"""A place in memory for runs that make thousands of stores and count calls, not seconds."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = "/dev/shm"


@pytest.fixture(scope="module")
def memory_path():
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    place = Path(tempfile.mkdtemp(prefix="isobar-torture-", dir=where))
    yield place
    shutil.rmtree(place)
