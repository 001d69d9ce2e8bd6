"""What Numba has no word for: prefetching, calling C functions by their address, arrays that do not overlap.

Addresses are passed as integers, so compiled code is the same in every process and for every MPI library, and stays
valid in the on-disk cache. All arguments are 64-bit integers (pointers included): on the 64-bit little-endian machines
that Numba supports a C function that takes an `int` reads the lower half of the register or stack slot it is given.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler import Compiler
from numba.extending import intrinsic

from .cache import njit

READ, KEEP = 0, 3
COUNTED = 16  # numbers that `store_count` stores


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line that holds array[index], to be read soon."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch")
        address = builder.bitcast(builder.gep(data, [args[1]]), byte)
        builder.call(function, [address, i32(READ), i32(KEEP), i32(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@intrinsic
def store_count(typingctx, array, index, first):
    """array[index : index + 16] = first, first + 1, ...: in one instruction where the processor has one."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        i32, vector = ir.IntType(32), ir.VectorType(ir.IntType(32), COUNTED)
        nothing = ir.Constant(vector, ir.Undefined)
        alone = builder.insert_element(nothing, args[2], i32(0))
        everywhere = builder.shuffle_vector(alone, nothing, ir.Constant(vector, [0] * COUNTED))
        numbers = builder.add(everywhere, ir.Constant(vector, list(range(COUNTED))))
        address = builder.bitcast(builder.gep(data, [args[1]]), vector.as_pointer())
        builder.store(numbers, address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint32), codegen


# `njit` for functions that make no arrays: without reference counts, two atomic operations for each view of an array.
kernel = functools.partial(njit, _nrt=False)


class NoAlias(Compiler):
    """`kernel(pipeline_class=NoAlias)`: the arrays that the function is given do not overlap, so that LLVM need not
    find that out before it vectorises a loop over many of them."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()


@intrinsic
def call(typingctx, address, arguments):
    """Call the C function at `address` with a tuple of 64-bit integers; its 32-bit result."""
    signature = types.int32(types.int64, types.UniTuple(types.int64, len(arguments)))

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        values = cgutils.unpack_tuple(builder, args[1])
        function_type = ir.FunctionType(ir.IntType(32), [i64] * len(values))
        return builder.call(builder.inttoptr(args[0], function_type.as_pointer()), values)

    return signature, codegen


@kernel(inline="always")
def pointer(array):
    """Address of the first element, as `call` takes it."""
    return np.int64(array.ctypes.data)


CLOCK_GETTIME = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value
CLOCK_MONOTONIC = 1
