/* SPDX-License-Identifier: MIT */
/*
 * Agreement by sums. Each rank puts what it has to say into an element of its
 * own and 0 into those of the others; the sum is then what all have said. For
 * four ranks, of which rank 2 has no memory (status 7):
 *
 *     rank 0 passes       0 0 0 0         all get     0 0 7 0
 *     rank 1 passes       0 0 0 0
 *     rank 2 passes       0 0 7 0
 *     rank 3 passes       0 0 0 0
 *
 * Such arrays have an element for each rank, so they are used only after one
 * number has told that there is something to hear. The usual case, in which all
 * is well, costs one sum of a few numbers.
 *
 * A sum of the caller's may fail, too. Then this rank has lost the others, and
 * can do nothing but return. What becomes of the others is up to the network: a
 * sum that waits for a rank that is gone should fail as well.
 */
#include "train/exchange.h"

#include "base/error.h"

/* With powers of two the parts of a rank are a complete subtree of the tree
 * over all parts, and the ranks are the leaves of the rest. */
static bool is_power_of_two(size_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

/* parts = 0 is the mark of options that were not begun with the defaults. */
mlp_status mlpi_exchange_check(const mlp_hooks *hooks,
                               const mlp_exchange *exchange, size_t parts)
{
    if (!is_power_of_two(parts) || parts > MLP_MAX_PARTS) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT,
            "parts: expects a power of two up to %d, got %zu%s", MLP_MAX_PARTS,
            parts, parts == 0 ? " (start from mlp_train_defaults())" : "");
    }
    if (!exchange) {
        return MLP_OK;
    }
    TRY(CHECK_RESERVED(hooks, "exchange", exchange));
    if (!exchange->sum) {
        return mlpi_error(hooks, MLP_ERR_NULL, "exchange: sum is NULL");
    }
    if (!is_power_of_two(exchange->ranks) || exchange->ranks > parts) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "exchange: expects ranks that divide the %zu part%s, "
                          "got %zu",
                          parts, mlpi_plural(parts), exchange->ranks);
    }
    if (exchange->rank >= exchange->ranks) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "exchange: expects a rank below %zu, got %zu",
                          exchange->ranks, exchange->rank);
    }
    return MLP_OK;
}

mlp_status mlpi_exchange_sum(const mlp_exchange *exchange, void *numbers,
                             size_t n, mlp_dtype dtype)
{
    return exchange ? exchange->sum(numbers, n, dtype, exchange->user) : MLP_OK;
}

/* Sets said[r] to what rank r says, a number that is 0 if it says nothing. The
 * array lies on the stack, so that a rank without memory can speak. There is an
 * element for each rank that a fit can have. */
static mlp_status tell_all(const mlp_exchange *exchange, double word,
                           double said[MLP_MAX_PARTS])
{
    for (size_t r = 0; r < exchange->ranks; r++) {
        said[r] = 0.0;
    }
    said[exchange->rank] = word;
    return exchange->sum(said, exchange->ranks, MLP_F64, exchange->user);
}

/* Returns the first element of `said` that is not 0, or the number of ranks. */
static size_t first_word(const mlp_exchange *exchange, const double *said)
{
    size_t r = 0;
    while (r < exchange->ranks && said[r] == 0.0) {
        r++;
    }
    return r;
}

/* Returns the status of the first rank that has failed. The rank itself has
 * logged why; this message is for those who read the log of another. A wrong
 * sum may give any number in the place of a status. */
static mlp_status report_failure(const mlp_exchange *exchange,
                                 const mlp_hooks *hooks, mlp_status status)
{
    double said[MLP_MAX_PARTS];
    TRY(tell_all(exchange, (double)status, said));
    size_t r = first_word(exchange, said);
    bool is_status = r < exchange->ranks && said[r] >= 1.0 && said[r] <= 255.0;
    mlp_status failure = is_status ? (mlp_status)said[r] : MLP_ERR_IO;
    return mlpi_error(hooks, failure,
                      "rank %zu of %zu has failed, which ends the fit of all: "
                      "%s",
                      r, exchange->ranks, mlp_status_text(failure));
}

/* The first number of the message counts those who have failed. What the others
 * pass with it is of no use then, and is not looked at. */
mlp_status mlpi_agree(const mlp_exchange *exchange, const mlp_hooks *hooks,
                      mlp_status status, double *numbers, size_t n)
{
    if (!exchange) {
        return status;
    }
    double message[1 + MLPI_AGREED] = {status != MLP_OK};
    for (size_t i = 0; i < n; i++) {
        message[1 + i] = numbers[i];
    }
    TRY(exchange->sum(message, 1 + n, MLP_F64, exchange->user));
    if (message[0] != 0.0) {
        return report_failure(exchange, hooks, status);
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = message[1 + i];
    }
    return MLP_OK;
}

/* If all have the same hash, the sum is that hash times the number of ranks.
 * Else at least one rank has another mean than its hash, and fails. */
mlp_status mlpi_agree_equal(const mlp_exchange *exchange,
                            const mlp_hooks *hooks, mlp_status status,
                            uint32_t hash, const char *what)
{
    double sum = (double)hash;
    TRY(mlpi_agree(exchange, hooks, status, &sum, 1));
    if (exchange && sum != (double)hash * (double)exchange->ranks) {
        status = mlpi_error(hooks, MLP_ERR_ARGUMENT,
                            "rank %zu of %zu: expects the %s that all ranks "
                            "have, got another",
                            exchange->rank, exchange->ranks, what);
    }
    return mlpi_agree(exchange, hooks, status, NULL, 0);
}

mlp_status mlpi_exchange_find(const mlp_exchange *exchange, bool is_me,
                              size_t *found)
{
    double said[MLP_MAX_PARTS];
    TRY(tell_all(exchange, is_me ? 1.0 : 0.0, said));
    *found = first_word(exchange, said);
    return MLP_OK;
}

/* A hash of 32 bits is exact as a double, also the sum over all ranks. Two
 * networks have the same hash by chance once in four thousand million times;
 * the check is there to find mistakes, not attacks. */
uint32_t mlpi_hash(uint32_t hash, const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ b[i]) * UINT32_C(16777619);
    }
    return hash;
}
