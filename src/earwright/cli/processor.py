"""What the libraries below PyTorch are told before they are loaded."""

from __future__ import annotations

import os


def prepare_for_training() -> None:
    """Set how threads wait and what is kept of compiled kernels, unless the user has set it.

    Must come before torch is imported, whose libraries read it once.
    """
    # Threads that spin while they wait take the core away from whatever else wants it; where something does,
    # that halves the speed of both.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # oneDNN compiles a matrix product for its very shape and keeps 1,024 of them; a few batches have more,
    # and without room for all it compiles for a fifth of the time.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
