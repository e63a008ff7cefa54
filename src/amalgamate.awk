# SPDX-License-Identifier: MIT
#
# awk -v version=<version> -v posix="<file.c>;..." -v bare=<file.c>
#     -f amalgamate.awk <file.c>... >mlp.c
#
# Joins the sources of the library, named relative to this folder, in which it
# runs, to one file that includes only mlp.h and the system's headers. Where
# MLP_BARE is defined, the source `bare` takes the place of those in `posix`.
#
# A header of ours is inserted once, where it is first included; the templates
# (*_tmpl.h, vec_*.h) are inserted each time. Functions, types and constants
# that belong to one source alone may have namesakes in another: where they do,
# the name of the source is put before theirs. Members of structures keep their
# names, because a header may declare them. Macros end with their source.

function read_lines(path,    line, n) {
    n = 0
    while ((getline line < path) > 0) {
        lines[path, ++n] = line
    }
    close(path)
    if (n == 0) {
        print "amalgamate.awk: cannot read " path > "/dev/stderr"
        failed = 1
        exit 1
    }
    return count[path] = n
}

# Returns the name in an #include "...", or "".
function included(line) {
    if (line !~ /^#[ \t]*include "/) {
        return ""
    }
    sub(/^[^"]*"/, "", line)
    sub(/".*/, "", line)
    return line
}

function is_template(name) {
    return name ~ /_tmpl\.h$/ || name ~ /\/vec_/
}

# Collects the headers of a file into `headers`, once each, and its other lines
# into body[]. The head comments of headers stay with them.
function take(path,    i, line, name) {
    if (!(path in count)) {
        read_lines(path)
    }
    for (i = 1; i <= count[path]; i++) {
        line = lines[path, i]
        name = included(line)
        if (name == "mlp.h" || line ~ /^#define _(GNU|POSIX_C)_SOURCE/ ||
            line ~ /^#define _FILE_OFFSET_BITS/) {
            continue
        } else if (name != "" && is_template(name)) {
            take(name)
        } else if (name != "") {
            take_header(name)
        } else if (line !~ /SPDX-License-Identifier/) {
            body[++length_of_body] = line
        }
    }
}

function take_header(name,    i, line, inner) {
    if (name in inserted || name == "mlp.h") {
        return
    }
    inserted[name] = 1
    if (!(name in count)) {
        read_lines(name)
    }
    for (i = 1; i <= count[name]; i++) {
        line = lines[name, i]
        inner = included(line)
        if (inner != "") {
            take_header(inner)
        }
    }
    for (i = 1; i <= count[name]; i++) {
        line = lines[name, i]
        if (included(line) == "" && line !~ /SPDX-License-Identifier/) {
            headers = headers line "\n"
        }
    }
}

# Notes the names that a source alone has: defined[source, name].
function note(name) {
    if (name ~ /^[A-Za-z_][A-Za-z_0-9]*$/ && !((source, name) in defined)) {
        defined[source, name] = 1
        users[name]++
        own[source] = own[source] " " name
    }
}

function last_name(text) {
    sub(/[ \t*]*$/, "", text)
    sub(/.*[^A-Za-z_0-9]/, "", text)
    return text
}

function without_comments(text,    from, end) {
    while ((from = index(text, "/*")) > 0) {
        end = index(substr(text, from), "*/")
        text = substr(text, 1, from - 1) substr(text, from + end + 1)
    }
    return text
}

function note_constants(text,    parts, n, i) {
    text = without_comments(text)
    sub(/.*\{/, "", text)
    sub(/\}.*/, "", text)
    n = split(text, parts, ",")
    for (i = 1; i <= n; i++) {
        sub(/=.*/, "", parts[i])
        gsub(/[ \t]/, "", parts[i])
        note(parts[i])
    }
}

function scan(    i, line, text, words) {
    for (i = 1; i <= length_of_body; i++) {
        line = body[i]
        if (line ~ /^#[ \t]*define /) {
            sub(/^#[ \t]*define /, "", line)
            sub(/[^A-Za-z_0-9].*/, "", line)
            if (!((source, line) in is_macro)) {
                is_macro[source, line] = 1
                macros[source] = macros[source] " " line
            }
            continue
        }
        if (line ~ /^typedef (struct|enum|union) /) {
            split(line, words, " ")
            note(words[3])
        } else if (line ~ /^(struct|enum) [A-Za-z_0-9]+ \{/) {
            split(line, words, " ")
            note(words[2])
        }
        if (line ~ /^typedef/ && line !~ /\{/) {
            text = line
            while (text !~ /;/ && i < length_of_body) {
                text = text " " body[++i]
            }
            sub(/(\[[^]]*\])?;.*/, "", text)
            if (text ~ /\(\*/) { # a pointer to functions
                sub(/^[^(]*\(\*/, "", text)
                sub(/\).*/, "", text)
            } else if (text ~ /\)$/) { # a type of functions
                sub(/\(.*/, "", text)
            }
            note(last_name(text))
        } else if (line ~ /^static .*struct \{/) {
            while (body[i] !~ /^\}/) {
                i++
            }
            text = body[i]
            sub(/[[=;].*/, "", text)
            note(last_name(text))
        } else if (line ~ /^(typedef )?enum .*\{/) {
            text = line
            while (body[i] !~ /\}/) {
                text = text " " body[++i]
            }
            note_constants(text)
        } else if (line ~ /^static/) {
            text = line
            while (text !~ /[(=;]/ && i < length_of_body) {
                text = text " " body[++i]
            }
            sub(/[[(=;].*/, "", text)
            note(last_name(text))
        }
    }
}

# Renames what has a namesake in one line. Comments and texts in quotes stay.
function renamed(line,    out, end, name, before) {
    out = ""
    while (line != "") {
        if (in_comment) {
            end = index(line, "*/")
            if (end == 0) {
                return out line
            }
            out = out substr(line, 1, end + 1)
            line = substr(line, end + 2)
            in_comment = 0
        } else if (substr(line, 1, 2) == "/*") {
            out = out "/*"
            line = substr(line, 3)
            in_comment = 1
        } else if (match(line, /^("([^"\\]|\\.)*"|'([^'\\]|\\.)*')/)) {
            out = out substr(line, 1, RLENGTH)
            line = substr(line, RLENGTH + 1)
        } else if (match(line, /^[A-Za-z_0-9]+/)) {
            name = substr(line, 1, RLENGTH)
            line = substr(line, RLENGTH + 1)
            before = substr(out, length(out))
            if ((source, name) in defined && users[name] > 1 &&
                before != "." && !(before == ">" && out ~ /->$/)) {
                name = stem "_" name
            }
            out = out name
        } else {
            out = out substr(line, 1, 1)
            line = substr(line, 2)
        }
    }
    return out
}

BEGIN {
    of_system = ";" posix ";" bare ";"
    for (k = 1; k < ARGC; k++) {
        source = ARGV[k]
        headers = ""
        length_of_body = 0
        take(source)
        scan()
        headers_of[k] = headers
        for (i = 1; i <= length_of_body; i++) {
            text_of[k] = text_of[k] body[i] "\n"
        }
    }
    print "/* SPDX-License-Identifier: MIT */"
    print "/*"
    print " * mlp.c: libmlp " version " in one file, made by its target"
    print " * `amalgamation`. It holds the portable kernels only, whose results have"
    print " * the same bits as all others. Compile it beside its mlp.h, and link -lm;"
    print " * with -DMLP_THREADS and -pthread it has threads. With -DMLP_BARE it"
    print " * needs no operating system, and networks are saved to memory only."
    print " */"
    print "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif"
    print "#ifndef _FILE_OFFSET_BITS\n#define _FILE_OFFSET_BITS 64\n#endif"
    print "#include \"mlp.h\""
    print "#ifdef MLP_THREADS\n#define MLPI_THREADS\n#endif"
    print "#include <string.h>"
    print "#ifdef __GLIBC__ /* POSIX's strerror_r, in spite of _GNU_SOURCE */"
    print "extern int __xpg_strerror_r(int, char *, size_t);"
    print "#define strerror_r __xpg_strerror_r"
    print "#endif"
    print "#ifdef __FAST_MATH__"
    print "#error \"libmlp rounds each result once: leave out -ffast-math\""
    print "#endif"
    print "#ifdef __clang__"
    print "#pragma STDC FP_CONTRACT OFF"
    print "#pragma clang diagnostic ignored \"-Wunused-function\""
    print "#elif defined(__GNUC__)"
    print "#pragma GCC optimize(\"fp-contract=off\")"
    print "#endif\n"
    for (k = 1; k < ARGC; k++) {
        source = ARGV[k]
        stem = source
        sub(/.*\//, "", stem)
        sub(/\.c$/, "", stem)
        printf "%s", headers_of[k]
        print "\n/* ---- " (source ~ /^\// ? stem ".c" : source) " ---- */\n"
        if (index(of_system, ";" source ";") > 0) {
            print source == bare ? "#ifdef MLP_BARE" : "#ifndef MLP_BARE"
        }
        in_comment = 0
        n = split(text_of[k], texts, "\n")
        for (j = 1; j < n; j++) {
            print renamed(texts[j])
        }
        n = split(macros[source], names, " ")
        for (i = 1; i <= n; i++) {
            print "#undef " names[i]
        }
        if (index(of_system, ";" source ";") > 0) {
            print "#endif"
        }
    }
}
