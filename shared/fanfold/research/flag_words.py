"""Facts of 64 bars as the bits of one number, the first bar's lowest, so that only those that hold are visited."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 64
_cgutils: Any = cgutils


def _lowest(_context: Any, word: Any) -> Any:
    """Return the place of the lowest bit that is set; there has to be one. For compiled code alone."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(word), generate


def _unlike(_context: Any, figures: Any, place: Any, others: Any, other: Any) -> Any:
    """Return which of 64 figures differ from others, as bits; what is no number does not. For compiled code alone."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        several = ir.VectorType(context.get_value_type(kind.dtype), WIDTH)

        def read(column: Any, first: Any) -> Any:
            array = context.make_array(kind)(context, builder, column)
            pointer = _cgutils.get_item_pointer(context, builder, kind, array, [first])
            value = builder.load(builder.bitcast(pointer, several.as_pointer()))
            value.align = 8
            return value

        differ = builder.fcmp_ordered if isinstance(kind.dtype, types.Float) else builder.icmp_unsigned
        return builder.bitcast(differ("!=", read(*arguments[:2]), read(*arguments[2:])), ir.IntType(WIDTH))

    return types.int64(figures, place, others, other), generate


unlike: Any = intrinsic(_unlike)
lowest: Any = intrinsic(_lowest)
