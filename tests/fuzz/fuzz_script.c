/*
 * libFuzzer target for packet scripts: any bytes are mistakes with a place, or a script that runs on boxes of
 * all kinds, twice with the same outcome.
 */
#include "../../sim/nat/script.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATIENCE 300u /* times around; a longer repeat would only take longer */

static void check_mistakes(const char *text, size_t size, const np_script_mistake *m, uint32_t n)
{
    int lines = 1;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    for (uint32_t i = 0; i < n; i++)
        if (m[i].line < 1 || m[i].line > lines + 1 || m[i].column < 1 || (size_t)m[i].column > size + 1 ||
            !m[i].text[0])
            abort();
}

static void count(void *ctx, const np_script_done *d)
{
    uint32_t *told = ctx;
    if (d->line < 1 || !d->text || !d->did || (d->of > 0 && d->times > d->of)) abort();
    ++*told;
}

static void run(const np_script *s, int kind)
{
    np_nat_config c;
    np_nat_defaults(&c);
    c.capacity = 16;
    c.name = "x";
    c.tracker = (np_tracking)(kind % 5);
    c.invalid = kind & 1 ? NP_INVALID_LEAK : NP_INVALID_DROP;
    c.unknown_inbound = kind & 1 ? NP_UNKNOWN_RESET : NP_UNKNOWN_DROP;
    c.ports.select = (np_port_select)(kind % 5);
    if (kind == 5) c.evict = "belady";
    if (kind == 6) c.mapping = c.filtering = NP_ENDPOINT_INDEPENDENT, c.hairpin = true;
    if (kind == 7) c.expiry = NP_EXPIRY_LAZY, c.at_expiry = NP_AT_EXPIRY_RESET_ON_TALK;
    np_script_outcome out[2];
    uint32_t told[2] = {0, 0};
    np_error e[2];
    bool ok[2];
    for (int i = 0; i < 2; i++) ok[i] = np_script_run(s, &c, 1, count, &told[i], &out[i], &e[i]);
    if (ok[0] != ok[1] || told[0] != told[1]) abort();
    if (!ok[0]) return;
    if (out[0].result != out[1].result || out[0].line != out[1].line || out[0].wrong != out[1].wrong) abort();
    if (out[0].wrong > out[0].steps || (out[0].result == NP_SCRIPT_DOES_NOT && !out[0].wrong)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    np_script *s = np_script_read((const char *)data, size);
    if (!s) return 0;
    uint32_t n;
    const np_script_mistake *m = np_script_mistakes(s, &n);
    check_mistakes((const char *)data, size, m, n);
    bool long_one = s->steps > 2000;
    for (uint32_t i = 0; i < s->steps; i++)
        long_one |= s->step[i].kind == SCRIPT_REPEAT && s->step[i].count > PATIENCE;
    for (int kind = 0; kind < 8 && n == 0 && !long_one; kind++) run(s, kind);
    np_script_destroy(s);
    return 0;
}
