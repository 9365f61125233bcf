"""Text forms of `tsvector` and `tsquery`, read from their binary format.

Writing goes through the server's own parser, whose rules for quoting and normalisation have no business here.
Source: `src/backend/utils/adt/{tsvector,tsquery}.c`, the functions `*send` and `*out`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from sqlspec.postgres.codec.base import INT4, ValueRefused

__all__ = ("unpack_tsquery", "unpack_tsvector")

_UINT2 = struct.Struct(">H")
_WEIGHTS = ("", "C", "B", "A")
_VALUE = 1
_NOT, _AND, _OR, _PHRASE = 1, 2, 3, 4
_PRIORITY = {_OR: 1, _AND: 2, _PHRASE: 3, _NOT: 4}
_ATOM = 5


def _quoted(data: bytes) -> str:
    text = data.decode().replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'"


def unpack_tsvector(data: bytes) -> str:
    """Read lexemes with their positions and weights, such as `'cat':3A 'fat':2`."""
    (count,) = INT4.unpack_from(data)
    at = 4
    lexemes: list[str] = []
    for _ in range(count):
        end = data.index(b"\0", at)
        (size,) = _UINT2.unpack_from(data, end + 1)
        lexeme = _quoted(data[at:end])
        at = end + 3
        if size:
            places = struct.unpack_from(f">{size}H", data, at)
            lexeme += ":" + ",".join([f"{place & 0x3FFF}{_WEIGHTS[place >> 14]}" for place in places])
            at += 2 * size
        lexemes.append(lexeme)
    return " ".join(lexemes)


class _Operand(NamedTuple):
    text: str
    priority: int
    is_phrase: bool = False

    def inside(self, priority: int, *, right_of_phrase: bool = False) -> str:
        """Return the text, in parentheses where the surrounding operator binds more tightly."""
        if self.priority < priority or (self.is_phrase and right_of_phrase):
            return f"( {self.text} )"
        return self.text


def unpack_tsquery(data: bytes) -> str:
    """Read a query such as `'fat' & ( 'rat' | 'cat':*A )`."""
    stack: list[_Operand] = []
    # On the wire each operator precedes its operands, the right one first: backwards needs no recursion.
    for token in reversed(_tokens(data)):
        if isinstance(token, str):
            stack.append(_Operand(token, _ATOM))
            continue
        operator, distance = token
        priority = _PRIORITY[operator]
        is_phrase = operator == _PHRASE
        right = stack.pop()
        if operator == _NOT:
            stack.append(_Operand("!" + right.inside(priority), priority))
            continue
        left = stack.pop()
        sign = {_AND: "&", _OR: "|"}.get(operator) or ("<->" if distance == 1 else f"<{distance}>")
        text = f"{left.inside(priority)} {sign} {right.inside(priority, right_of_phrase=is_phrase)}"
        stack.append(_Operand(text, priority, is_phrase))
    return stack[0].text if stack else ""


def _tokens(data: bytes) -> list[str | tuple[int, int]]:
    """Split the wire form into operands, as text, and operators with their phrase distance."""
    (count,) = INT4.unpack_from(data)
    at = 4
    tokens: list[str | tuple[int, int]] = []
    for _ in range(count):
        if data[at] == _VALUE:
            weights, prefix = data[at + 1], data[at + 2]
            end = data.index(b"\0", at + 3)
            suffix = "*" if prefix else ""
            suffix += "".join([letter for bit, letter in ((8, "A"), (4, "B"), (2, "C"), (1, "D")) if weights & bit])
            tokens.append(_quoted(data[at + 3 : end]) + (f":{suffix}" if suffix else ""))
            at = end + 1
            continue
        operator = data[at + 1]
        if operator not in _PRIORITY:
            raise ValueRefused("it holds an operator that this package does not know; select it with ::text")
        distance = 0
        at += 2
        if operator == _PHRASE:
            (distance,) = _UINT2.unpack_from(data, at)
            at += 2
        tokens.append((operator, distance))
    return tokens
