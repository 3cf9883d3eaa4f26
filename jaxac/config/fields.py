"""Types of single settings, which pydantic checks.

Whole numbers are 32 bits wide and others have single precision in a compiled program, so what would change there is
refused here.
"""

import math
import struct
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from jaxac.config import import_path

FORBID_EXTRA = ConfigDict(extra="forbid")
LARGEST_INT = 2**31 - 1
"""The largest whole number of 32 bits."""
LARGEST_FLOAT, SMALLEST_FLOAT = 3.4028234e38, 1.1754944e-38
"""The largest number of single precision, and the smallest that is not 0 there."""
_MOST_STEPS = 2**53
"""The largest whole number up to which all are exact in double precision, as in a row of metrics."""


def _a_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give a number")
    if isinstance(value, int) and abs(value) > _MOST_STEPS:
        return float(value) if abs(value) < 1e300 else math.inf * (1 if value > 0 else -1)
    return value


def _a_count(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give a whole number")
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) > _MOST_STEPS:
        raise ValueError(f"give at most {_MOST_STEPS}" if value > 0 else "give at least 0")
    return value


def single(value: float) -> float:
    """``value`` rounded to single precision.

    Raises:
        ValueError: if it is too large for that, or becomes 0.
    """
    if abs(value) > LARGEST_FLOAT:
        raise ValueError(f"give at most {LARGEST_FLOAT:.1e} in size, the largest number of single precision")
    if 0 < abs(value) < SMALLEST_FLOAT:
        raise ValueError("it is 0 in single precision; give 0, or at least 1.2e-38 in size")
    return struct.unpack("f", struct.pack("f", value))[0]


def _has_single_precision(value: float) -> float:
    single(value)
    return value


def _below_one(value: float) -> float:
    if single(value) >= 1:
        raise ValueError("it is 1 in single precision; give at most 0.9999999")
    return value


def _one_line(value: str) -> str:
    if not all(character.isprintable() for character in value):
        raise ValueError("it holds a line break, or another character that has no print; leave it out")
    return value


Integer = Annotated[int, BeforeValidator(_a_count)]
Number = Annotated[float, BeforeValidator(_a_number), AfterValidator(_has_single_precision), Field(allow_inf_nan=False)]
Count = Annotated[Integer, Field(ge=1, le=LARGEST_INT)]
Cadence = Annotated[Integer, Field(ge=0, le=_MOST_STEPS)]
Versions = Annotated[Integer, Field(ge=0, le=LARGEST_INT)]
Steps = Annotated[Integer, Field(ge=1, le=_MOST_STEPS)]
Probability = Annotated[Number, Field(ge=0, le=1)]
Decay = Annotated[Number, Field(ge=0, lt=1), AfterValidator(_below_one)]
NonNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
Text = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_one_line)]
ImportPath = Annotated[str, BeforeValidator(import_path.parse)]
EnvParam = StrictBool | Annotated[StrictInt, Field(ge=-(2**31), le=LARGEST_INT)] | Number


def _label(longest: int, without: str = "") -> Any:
    def check(value: str) -> str:
        if not 1 <= len(value) <= longest:
            raise ValueError(f"give 1 to {longest} characters, which is what W&B takes")
        if set(value) & set(without):
            raise ValueError(f"leave out {' '.join(without)}, which W&B does not take")
        return value

    return Annotated[str, AfterValidator(_one_line), AfterValidator(check)]


WandbProject, WandbTag, WandbText = _label(128, "/\\#?%:"), _label(64), _label(128)
