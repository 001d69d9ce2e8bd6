"""Intrinsics that Numba lacks: prefetching, calling C functions by their address, arrays that do not overlap.

Addresses are passed as integers, so compiled code is the same in every process and for every MPI library, and stays
valid in the on-disk cache. All arguments are doubles or 64-bit integers (pointers included): on the 64-bit
little-endian machines that Numba supports a C function that takes an `int` reads the lower half of the register or
stack slot it is given.
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
LINE = 64  # bytes that `equal_bytes` looks at: of a cache line


def repeated(builder: ir.IRBuilder, number: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A vector of equal numbers."""
    nothing, i32 = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    places = ir.Constant(ir.VectorType(i32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(builder.insert_element(nothing, number, i32(0)), nothing, places)


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
        vector = ir.VectorType(ir.IntType(32), COUNTED)
        numbers = builder.add(repeated(builder, args[2], vector), ir.Constant(vector, list(range(COUNTED))))
        address = builder.bitcast(builder.gep(data, [args[1]]), vector.as_pointer())
        builder.store(numbers, address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint32), codegen


@intrinsic
def equal_bytes(typingctx, array, index, byte):
    """Which of the LINE bytes array[index : index + LINE] are `byte`: the bits of an uint64, all of them read."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        vector = ir.VectorType(ir.IntType(8), LINE)
        numbers = builder.load(builder.bitcast(builder.gep(data, [args[1]]), vector.as_pointer()), align=1)
        return builder.bitcast(builder.icmp_unsigned("==", numbers, repeated(builder, args[2], vector)), ir.IntType(64))

    return types.uint64(array, types.int64, types.uint8), codegen


@intrinsic
def lowest_bit(typingctx, bits):
    """Number of the lowest bit of an uint64 that is 1."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.uint64), codegen


@intrinsic
def count_ones(typingctx, bits):
    """How many bits of an uint64 are 1."""

    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen


# `njit` for functions that make no arrays: without reference counts, two atomic operations for each view of an array.
#
# A function that takes tuples of arrays and is called in each step is compiled into its caller (`forceinline`): such
# tuples are passed as hundreds of numbers, some 0.1 us a call. Not so `deliver`: inlined, its inner loop takes 5 %
# longer.
#
# A variable that begins as a number is np.int64 of it where a kernel is called with it: Numba compiles that kernel for
# the literal number, too.
kernel = functools.partial(njit, _nrt=False)


class NoAlias(Compiler):
    """`kernel(pipeline_class=NoAlias)`: the arrays that the function is given do not overlap, so that LLVM need not
    find that out before it vectorises a loop over many of them."""

    def define_pipelines(self) -> list:
        self.state.flags.noalias = True
        pipelines: list = super().define_pipelines()
        return pipelines


@kernel()
def lowest_bits(n):
    """An uint64 whose lowest n >= 1 bits (64 of more than 64) are 1."""
    return ~np.uint64(0) >> np.uint64(max(0, 64 - n))


@intrinsic
def call(typingctx, address, arguments):
    """Call the C function at `address` with a tuple of floats and integers; its 32-bit result."""
    kinds = [types.float64 if isinstance(kind, types.Float) else types.int64 for kind in arguments]
    signature = types.int32(types.int64, types.Tuple(kinds))

    def codegen(context, builder, signature, args):
        values = cgutils.unpack_tuple(builder, args[1])
        function_type = ir.FunctionType(ir.IntType(32), [value.type for value in values])
        return builder.call(builder.inttoptr(args[0], function_type.as_pointer()), values)

    return signature, codegen


@kernel(inline="always")
def pointer(array):
    """Address of the first element, as `call` takes it."""
    return np.int64(array.ctypes.data)


CLOCK_GETTIME = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value or 0
CLOCK_MONOTONIC = 1
