#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes data_arrays.txt: files of NumPy and of MNIST's kind as hexadecimal
bytes, and what is in them. A line is

    <name> <rows> <cols> <type in memory> <bytes> <value> ...

with the values row by row.
"""
import io
import struct

import numpy as np


def line(name, blob, array, dtype):
    flat = array.reshape(array.shape[0], -1)
    values = " ".join(repr(float(x)) for x in flat.ravel())
    print(name, *flat.shape, dtype, blob.hex(), values)


def npy(array, version=(1, 0)):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def idx(array, code, order):
    return (bytes([0, 0, code, array.ndim]) +
            struct.pack(f">{array.ndim}I", *array.shape) +
            array.astype(order).tobytes())


numbers = np.array([[0.1, -2.5, 3e10], [np.nan, 0.0, -7e-5]])
whole = np.array([[1, -2, 3], [40, 50, -60]])
for dtype, memory in (("<f4", "f32"), (">f4", "f32"), ("<f8", "f64"),
                      (">f8", "f64")):
    line(f"npy_{dtype[1:]}", npy(numbers.astype(dtype)),
         numbers.astype(dtype), memory)
for dtype in ("<i4", ">i4", "<i8", ">i8"):
    line(f"npy_{dtype[1:]}", npy(whole.astype(dtype)), whole, "f64")
line("npy_u1", npy(abs(whole).astype("u1")), abs(whole), "f32")
line("npy_fortran", npy(np.asfortranarray(numbers)), numbers, "f64")
line("npy_version_2", npy(numbers, (2, 0)), numbers, "f64")
line("npy_version_3", npy(numbers, (3, 0)), numbers, "f64")
line("npy_three_dimensions", npy(np.arange(12.0).reshape(2, 3, 2)),
     np.arange(12.0).reshape(2, 3, 2), "f64")
line("npy_labels", npy(np.array([3, 0, 9])), np.array([3, 0, 9]), "i32")
line("npy_column", npy(np.array([0.5, 1.5])), np.array([0.5, 1.5]), "f64")
images = np.arange(2 * 2 * 3).reshape(2, 2, 3) * 20
line("idx_images", idx(images, 0x08, "u1"), images, "f32")
line("idx_labels", idx(np.array([7, 2, 255]), 0x08, "u1"),
     np.array([7, 2, 255]), "i32")
line("idx_i1", idx(whole, 0x09, "i1"), whole, "f32")
line("idx_i2", idx(whole * 500, 0x0b, ">i2"), whole * 500, "f32")
line("idx_i4", idx(whole * 10**7, 0x0c, ">i4"), whole * 10**7, "f64")
line("idx_f4", idx(numbers, 0x0d, ">f4"), numbers.astype("f4"), "f32")
line("idx_f8", idx(numbers, 0x0e, ">f8"), numbers, "f64")
