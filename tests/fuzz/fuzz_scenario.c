/*
 * Fuzzing of scenarios: any bytes load to a scenario that shows itself and loads again the same, or to
 * findings.
 */
#include "natpulse/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libfyaml 0.7 loses about 1 kB for each quoted text with more than eight escapes (its issue 233): not ours.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static char path[] = "/tmp/natpulse-fuzz-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static void put(const void *bytes, size_t n)
{
    static int made;
    if (!made) {
        made = mkstemp(path);
        atexit(remove_file);
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) abort();
}

static char *show(const np_scenario *s, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out || !np_scenario_show(s, out) || fclose(out) != 0) abort();
    return text;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    np_findings findings;
    np_error e;
    put(data, n);
    np_scenario *s = np_scenario_load(path, NULL, 0, &findings, &e);
    if (!s) {
        if (findings.n == 0) abort();
        np_findings_clear(&findings);
        return 0;
    }
    size_t size, size_again;
    char *text = show(s, &size);
    put(text, size);
    np_scenario *again = np_scenario_load(path, NULL, 0, &findings, &e);
    if (!again) {
        np_findings_print(&findings, stderr);
        abort();
    }
    char *text_again = show(again, &size_again);
    if (size != size_again || memcmp(text, text_again, size) != 0 || strcmp(s->digest, again->digest) != 0)
        abort();
    free(text);
    free(text_again);
    np_scenario_destroy(s);
    np_scenario_destroy(again);
    return 0;
}
