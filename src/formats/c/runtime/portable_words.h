/* SPDX-License-Identifier: MIT */
/*
 * The words with which the kernels' templates steer an optimizing compiler, for
 * exported code, where they mean nothing: a stranger's compiler may not know
 * the attributes, and code for a small machine is not to be unrolled.
 *
 * This file stands before the templates in the list of cut_snippets.cmake. Of
 * two snippets of one name the first counts, so these definitions replace those
 * of loops_tmpl.h.
 */

#define ALWAYS_INLINE
#define NEVER_INLINE
#define UNROLL
