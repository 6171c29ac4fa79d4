"""What was shown, known by its frames: equal videos have equal identities, in whichever mouse and under whichever trial index."""

from __future__ import annotations

import hashlib

import numpy as np


def video_identity(video: np.ndarray) -> str:
    """Identity of a video: a hash of its size and of its grey values, rounded to whole ones.

    Trial indices say nothing here: they coincide by chance between mice that saw different videos.

    Args:
        video: grey values 0..255, `(height, width, frame)`, without padding.

    >>> clip = np.arange(24.0).reshape(2, 3, 4)
    >>> video_identity(clip) == video_identity(clip.astype(np.uint8)), video_identity(clip) == video_identity(clip + 1)
    (True, False)
    """
    # Stored as 8-bit, float32 or float64, a grey value is the same number once rounded.
    grey = np.rint(video).astype(np.uint8)
    found = hashlib.blake2b(f"{grey.shape}".encode(), digest_size=8)
    found.update(np.ascontiguousarray(grey).data)
    return found.hexdigest()
