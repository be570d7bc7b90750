"""Laboratory quality control of qPCR plates."""

from data.quality.plate import PlateVerdict, judge_plate

__all__ = ["PlateVerdict", "judge_plate"]
