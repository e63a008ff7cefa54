# SPDX-License-Identifier: MIT
#
# Cuts this library's own source into snippets, from which mlp_export_c puts C
# files together, so that elementary functions and activations are not written
# twice:
#
#     cmake -DOUTPUT=<file.c> -P cut_snippets.cmake
#
# writes the tables that snippets.h declares. src/CMakeLists.txt includes this
# file to learn the sources, and runs it when the library is built. The tables
# are not generated once and committed, because a stale table would export other
# code than the library runs. It is a CMake script because CMake is the only
# program that every build has: a cross build may have no native compiler.
#
# How a file is cut. Everything that begins in the first column (a function, a
# constant, a type, an enum, a macro), with the comment just above it, is a
# snippet. This relies on the layout of clang-format, which the test `format`
# holds all sources to. The comments that open a file are about the file and are
# left out; so is every directive but #define.
#
# Which lines count. `#if REAL_BITS == 32` and `== 64` are decided, so there is
# a table for each precision; NO_UNROLL is defined; of any other condition the
# part after #else counts. Of two snippets of one name the first counts.
#
# What a table holds. A snippet depends on those before it whose names it
# mentions outside of comments. The names that the exporter asks for, and what
# these depend on, make the table; other snippets are left out.
#
# The build fails if a name that the exporter asks for is not defined, if a file
# of runtime/ calls a function that is not defined, and if a file is not laid
# out as described.

# ------------------------------------------------------------------------------
# What is cut

get_filename_component(snippet_root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(runtime formats/c/runtime)

# Arithmetic of the C library, this library's own arithmetic, and integers.
set(libm_sources ${runtime}/libm.h ${runtime}/real.h)
set(canonical_sources
    ${runtime}/portable_words.h
    kernels/vec_portable.h
    kernels/loops_tmpl.h
    kernels/elementary_tmpl.h
    kernels/column_sums_tmpl.h
    kernels/softmax_tmpl.h
    kernels/activation_functions_tmpl.h
    ${runtime}/canonical.h
    ${runtime}/real.h)
set(int8_sources ${runtime}/int8.h)

# The names that export_real.c, export_jacobian.c and export_int8.c ask for.
set(real_names
    real dense standardise rescale first_largest probabilities
    sigmoid_of tanh_of relu_of leaky_relu_of elu_of gelu_of gelu_tanh_of silu_of
    softplus_of exp_of
    set_unit multiply_matrix multiply_rows multiply_by_softmax scale_rows_up
    scale_rows_down transpose
    sigmoid_derivative tanh_derivative relu_derivative leaky_relu_derivative
    elu_derivative gelu_derivative gelu_tanh_derivative silu_derivative
    softplus_derivative exp_derivative)
set(int8_names dense look_up look_up_each first_largest quantised)

set(snippet_sources ${libm_sources} ${canonical_sources} ${int8_sources})
list(REMOVE_DUPLICATES snippet_sources)
list(TRANSFORM snippet_sources PREPEND "${snippet_root}/")

if(NOT CMAKE_SCRIPT_MODE_FILE)
    return()
endif()
cmake_minimum_required(VERSION 3.20)

# What looks like a call, but calls no snippet. The exported file defines
# the macros.
set(known_calls if for while return sizeof READ READ8 READ32 FOURS ADD_FOUR)

# ------------------------------------------------------------------------------
# Lines

# CMake gives a meaning to these four characters in lists. While a file is cut,
# control characters stand for them.
string(ASCII 1 semicolon)
string(ASCII 2 open_bracket)
string(ASCII 3 close_bracket)
string(ASCII 4 backslash)

# Sets `result` to the list of the lines that count. Each element begins with a
# `|`, so that no element is empty.
function(read_lines file bits result)
    file(READ "${snippet_root}/${file}" text)
    string(REPLACE ";" "${semicolon}" text "${text}")
    string(REPLACE "[" "${open_bracket}" text "${text}")
    string(REPLACE "]" "${close_bracket}" text "${text}")
    string(REPLACE "\\" "${backslash}" text "${text}")
    string(REGEX REPLACE "\n$" "" text "${text}")
    string(REPLACE "\n" ";|" text "|${text}")
    set(lines "")
    set(taken "") # of each condition around a line: YES if its part counts
    foreach(line IN LISTS text)
        if(line MATCHES "^.#if")
            set(holds NO)
            if(line MATCHES "^.#ifdef NO_UNROLL" OR
               line MATCHES "^.#if REAL_BITS == ${bits}")
                set(holds YES)
            endif()
            list(APPEND taken ${holds})
        elseif(line MATCHES "^.#elif")
            message(FATAL_ERROR "${file}: expects #else, got \"${line}\"")
        elseif(line MATCHES "^.#else")
            list(POP_BACK taken holds)
            if(holds)
                list(APPEND taken NO)
            else()
                list(APPEND taken YES)
            endif()
        elseif(line MATCHES "^.#endif")
            list(POP_BACK taken)
        elseif(NOT "NO" IN_LIST taken AND NOT line MATCHES "^.#[^d]")
            list(APPEND lines "${line}")
        endif()
    endforeach()
    set(${result} "${lines}" PARENT_SCOPE)
endfunction()

# ------------------------------------------------------------------------------
# Snippets

# Sets `result` to the text without its comments, of which the last may be open.
function(without_comments text result)
    string(REGEX REPLACE "/[*][^*]*[*]+([^/*][^*]*[*]+)*/" "" text "${text}")
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

# Sets `result` to YES if a definition is complete. `bare` is its text so far,
# without comments, and `line` the last line. A macro ends with a line that has
# no backslash at its end, a block between braces with a brace in the first
# column, any other definition with a semicolon.
function(is_complete bare line has_block result)
    set(complete NO)
    if(bare MATCHES "/[*]")
        # A comment is still open.
    elseif(bare MATCHES "^#")
        if(NOT bare MATCHES "${backslash}\n$")
            set(complete YES)
        endif()
    elseif(has_block)
        if(line MATCHES "^}")
            set(complete YES)
        endif()
    elseif(bare MATCHES "${semicolon} *\n$")
        set(complete YES)
    endif()
    set(${result} ${complete} PARENT_SCOPE)
endfunction()

# Sets `result` to the names that a definition introduces. `text` is without
# comments. An enum introduces many names. Any other definition introduces one,
# which stands before the first bracket, brace or equals sign; that of a type
# stands before the last semicolon.
function(find_names text file result)
    set(names "")
    if(text MATCHES "^#define ([A-Za-z_0-9]+)")
        set(names ${CMAKE_MATCH_1})
    elseif(text MATCHES "^enum [a-z_ ]*{")
        string(REGEX MATCHALL "[{,][ \n]*[A-Za-z_0-9]+" names "${text}")
        list(TRANSFORM names REPLACE "[{, \n]" "")
    elseif(text MATCHES "^typedef")
        if(text MATCHES "([A-Za-z_0-9]+)${semicolon}[ \n]*$")
            set(names ${CMAKE_MATCH_1})
        endif()
    elseif(text MATCHES "([A-Za-z_0-9]+) *[(={${open_bracket}${semicolon}]")
        set(names ${CMAKE_MATCH_1})
    endif()
    if(names STREQUAL "")
        message(FATAL_ERROR "${file}: finds no name in \"${text}\"")
    endif()
    set(${result} "${names}" PARENT_SCOPE)
endfunction()

# Sets `result` to the count of numbers in `... [] = {a, b, c};`, and to 0 for
# any other definition.
function(count_constants text result)
    set(count 0)
    if(text MATCHES "^[^#({]*${open_bracket}${close_bracket} = {([^}]*)}")
        string(REGEX REPLACE "[ \n]" "" numbers "${CMAKE_MATCH_1}")
        string(REGEX MATCHALL "[^,]+" numbers "${numbers}")
        list(LENGTH numbers count)
    endif()
    set(${result} ${count} PARENT_SCOPE)
endfunction()

# Adds the snippet of `comment`, `definition` and `bare` to the table: text_<i>,
# bare_<i> (without comments), names_<i> and file_<i>, for i below `count`.
# index_<name> is the snippet of a name. (Macros, because they set variables of
# the table's function. Text is never their argument, for CMake would read its
# backslashes and dollar signs again.)
macro(add_snippet file)
    find_names("${bare}" ${file} names)
    list(GET names 0 name)
    if(NOT DEFINED index_${name})
        foreach(name IN LISTS names)
            set(index_${name} ${count})
        endforeach()
        set(text_${count} "${comment}${definition}")
        set(bare_${count} "${bare}")
        set(names_${count} ${names})
        set(file_${count} ${file})
        math(EXPR count "${count} + 1")
    endif()
endmacro()

# Cuts `lines`, which are those of the file, and adds its snippets.
macro(cut_lines file)
    set(comment "")
    set(definition "")
    set(inside "")  # "comment", "definition" or neither
    set(at_top YES) # no line so far but comments
    foreach(line IN LISTS lines)
        string(SUBSTRING "${line}" 1 -1 line)
        if(NOT inside AND line MATCHES "^/[*]")
            set(inside comment)
            set(comment "")
        elseif(NOT inside AND line STREQUAL "")
            set(at_top NO)
            set(comment "")
        elseif(NOT inside)
            if(NOT line MATCHES "^[A-Za-z_#]")
                message(FATAL_ERROR "${file}: expects a definition in the "
                                    "first column, got \"${line}\"")
            endif()
            set(inside definition)
            set(at_top NO)
            set(definition "")
            set(has_block NO)
        endif()
        if(inside STREQUAL "comment")
            string(APPEND comment "${line}\n")
            if(line MATCHES "[*]/$")
                set(inside "")
                if(at_top)
                    set(comment "")
                endif()
            endif()
        elseif(inside STREQUAL "definition")
            string(APPEND definition "${line}\n")
            without_comments("${definition}" bare)
            if(bare MATCHES "{ *\n$")
                set(has_block YES)
            endif()
            is_complete("${bare}" "${line}" ${has_block} complete)
            if(complete)
                add_snippet(${file})
                set(inside "")
                set(comment "")
            endif()
        endif()
    endforeach()
    if(inside)
        message(FATAL_ERROR "${file}: ends within \"${comment}${definition}\"")
    endif()
endmacro()

# ------------------------------------------------------------------------------
# Tables

# Fails if a snippet of runtime/ calls what is not defined: a function of a
# kernel may have been renamed.
macro(check_calls i)
    if(file_${i} MATCHES "^${runtime}" AND NOT bare_${i} MATCHES "^#")
        string(REGEX MATCHALL "[A-Za-z_0-9]+[(]" calls "${bare_${i}}")
        list(TRANSFORM calls REPLACE "[(]" "")
        foreach(name IN LISTS calls)
            if(NOT DEFINED index_${name} AND NOT name IN_LIST known_calls)
                message(FATAL_ERROR "${file_${i}}: no source of this table "
                                    "defines ${name}, which is called here")
            endif()
        endforeach()
    endif()
endmacro()

# Sets dependencies_<i>: the snippets before i whose names it mentions.
macro(find_dependencies i)
    set(dependencies_${i} "")
    string(REGEX MATCHALL "[A-Za-z_0-9]+" words "${bare_${i}}")
    list(REMOVE_DUPLICATES words)
    foreach(name IN LISTS words)
        if(DEFINED index_${name} AND index_${name} LESS ${i})
            list(APPEND dependencies_${i} ${index_${name}})
        endif()
    endforeach()
    list(REMOVE_DUPLICATES dependencies_${i})
endmacro()

# Sets `result` to the text of a snippet as C strings, one for each line.
function(quote text result)
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "${semicolon}" ";" text "${text}")
    string(REPLACE "${open_bracket}" "[" text "${text}")
    string(REPLACE "${close_bracket}" "]" text "${text}")
    string(REPLACE "${backslash}" "\\\\" text "${text}")
    string(REGEX REPLACE "\n$" "" text "${text}")
    string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
    set(${result} "\"${text}\\n\"" PARENT_SCOPE)
endfunction()

# write_table(<name> <bits> <sources> <names>) appends to `code` the table of
# that name, with what the names need, in the order of the sources.
function(write_table table bits sources wanted)
    set(count 0)
    foreach(file IN LISTS sources)
        read_lines(${file} ${bits} lines)
        cut_lines(${file})
    endforeach()
    foreach(name IN LISTS wanted)
        if(NOT DEFINED index_${name})
            message(FATAL_ERROR "${table}: no source of this table defines "
                                "${name}, which the exporter asks for")
        endif()
        set(is_needed_${index_${name}} YES)
    endforeach()
    # From the last to the first, since snippets depend on earlier ones only.
    math(EXPR last "${count} - 1")
    foreach(i RANGE ${last} 0 -1)
        if(is_needed_${i})
            check_calls(${i})
            find_dependencies(${i})
            foreach(k IN LISTS dependencies_${i})
                set(is_needed_${k} YES)
            endforeach()
        endif()
    endforeach()
    set(rows "")
    set(at 0)
    foreach(i RANGE ${last})
        if(is_needed_${i})
            set(at_${i} ${at})
            math(EXPR at "${at} + 1")
            list(GET names_${i} 0 name)
            count_constants("${bare_${i}}" n_constants)
            set(dependencies "")
            foreach(k IN LISTS dependencies_${i})
                string(APPEND dependencies "${at_${k}}, ")
            endforeach()
            quote("${text_${i}}" text)
            string(APPEND rows
                   "    {\"${name}\", ${n_constants}, "
                   "(const short[]){${dependencies}-1},\n     ${text}},\n")
        endif()
    endforeach()
    string(APPEND code
           "\nconst mlpi_snippet_table mlpi_snippets_${table} = {\n"
           "    ${at}, (const mlpi_snippet[]){\n${rows}}};\n"
           "_Static_assert(${at} <= MLPI_MAX_SNIPPETS, \"${table}\");\n")
    set(code "${code}" PARENT_SCOPE)
endfunction()

string(CONCAT code "/* Made by src/formats/c/cut_snippets.cmake. */\n"
                   "#include \"formats/c/snippets.h\"\n")
write_table(libm_f32 32 "${libm_sources}" "${real_names}")
write_table(libm_f64 64 "${libm_sources}" "${real_names}")
write_table(canonical_f32 32 "${canonical_sources}" "${real_names}")
write_table(canonical_f64 64 "${canonical_sources}" "${real_names}")
write_table(int8 0 "${int8_sources}" "${int8_names}")
# At the end, so that a failure leaves no half of a file behind.
file(WRITE "${OUTPUT}" "${code}")
