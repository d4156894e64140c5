"""Where the README's figures come from: each is a ratio to a control that is measured in the same run.

python -m benchmarks [load] [dashboard] [start] [sync] [--quick] [--json FILE]
"""

from __future__ import annotations
