"""The four labels and their order, which is the order of the encoder's outputs.

The score is the probability of the three machine labels together; 1 always means machine.
"""

from __future__ import annotations

HUMAN = "human"
REWRITTEN = "rewritten"
GENERATED = "generated"
SPUN = "spun"

LABELS: tuple[str, ...] = (HUMAN, REWRITTEN, GENERATED, SPUN)
MACHINE_LABELS: tuple[str, ...] = LABELS[1:]
NEWS: tuple[str, ...] = ("news", "press-release")
"""The genres that the score is calibrated for."""
LABEL_IDS: dict[str, int] = {label: index for index, label in enumerate(LABELS)}
