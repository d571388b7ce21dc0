"""The wheel's database server, `secantusd-py`, looking for cycles in memory less often.

Every message makes and drops thousands of small objects, and looking through them for cycles is a good part
of the server's work. What is made before it serves is never looked at again.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

from secantus.cli import main

_COLLECTED_AFTER: Final = (50_000, 20, 50)

if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    sys.exit(main())
