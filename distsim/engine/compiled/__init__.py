"""Compiled code: the cache of kernels, the identity of users' own models, LLVM intrinsics, huge pages."""
