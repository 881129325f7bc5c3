"""Numbers as C99 has them, exactly: those of weights by their bits, others in hexadecimal."""

from __future__ import annotations

import re

import numpy as np

_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_LINE = 110  # characters: ten numbers


def number(value: float) -> str:
    """A float32 as a constant."""
    real = float(np.float32(value))
    if real != real:
        return "NAN"
    if real in (np.inf, -np.inf):
        return "INFINITY" if real > 0 else "-INFINITY"
    if real == int(real) and abs(real) < 2**24 and str(real)[0] != "-":
        return f"{int(real)}.0f"
    return re.sub(r"\.?0*p", "p", real.hex()) + "f"


def reals(name: str, values: np.ndarray) -> str:
    """A table of float32: ``name.real``."""
    bits = values.astype(np.float32).reshape(-1).view(np.uint32)
    words = np.full((bits.size, len("0x00000000,")), ord(","), np.uint8)
    words[:, :2] = list(b"0x")
    for place in range(8):
        words[:, 2 + place] = _DIGITS[bits >> np.uint32(28 - 4 * place) & np.uint32(15)]
    digits = words.tobytes().decode()
    lines = [digits[i : i + _LINE] for i in range(0, len(digits), _LINE)]
    kind = f"static const union {{\n    uint32_t bits[{values.size}];\n    float real[{values.size}];\n}}"
    return "\n".join([f"{kind} {name} = {{{{", *lines, "}};"])


def integers(name: str, values: np.ndarray) -> str:
    """A table of int32."""
    words = [f"{value}," for value in values.reshape(-1).tolist()]
    lines = (" ".join(words[i : i + 16]) for i in range(0, len(words), 16))
    return "\n".join([f"static const int32_t {name}[{values.size}] = {{", *lines, "};"])


def string(text: str) -> str:
    """A string in UTF-8; what could be taken for something else by its codes."""
    plain = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "replace")
    )
    return f'"{"".join(plain)}"'


def comment(text: str) -> str:
    """Text from outside in a comment."""
    shown = text if text.isascii() and text.isprintable() else ascii(text)
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/").replace("??", "? ?")
