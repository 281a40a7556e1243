/*
 * What the subcommands that read captures share. See captures.h.
 */
#include "captures.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Files are merged by time, so that all are open at once. */
#define OTHER_FILES 64 /* results, the program's own */

np_capture *np_cli_capture_open(const char *const *file, uint32_t files, const char *filter, np_error *e)
{
    struct rlimit open_files;
    if (getrlimit(RLIMIT_NOFILE, &open_files) == 0 && open_files.rlim_cur < files + OTHER_FILES) {
        open_files.rlim_cur = open_files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &open_files); /* when it fails, the file that cannot be opened says so */
    }
    return np_capture_open(file, files, filter, e);
}

/* ---- options ---- */

static bool add_inside(const char *all, const char *one, size_t length, np_cidr *out, uint32_t *n)
{
    char text[64];
    if (*n == NP_INSIDES_MOST) {
        np_cli_misused("--inside: at most %d prefixes", NP_INSIDES_MOST);
        return false;
    }
    snprintf(text, sizeof text, "%.*s", (int)length, one);
    if (length >= sizeof text || !np_cidr_parse(text, &out[*n])) {
        np_cli_misused(
            "--inside %s: '%.*s' is no address prefix; expected one such as 10.0.0.0/8 or fd00::/8", all,
            (int)length, one);
        return false;
    }
    ++*n;
    return true;
}

bool np_cli_inside(const np_texts *texts, np_cidr *out, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < texts->n; i++) {
        for (const char *at = texts->text[i];; at++) {
            size_t length = strcspn(at, ",");
            if (!add_inside(texts->text[i], at, length, out, n)) return false;
            at += length;
            if (!*at) break;
        }
    }
    return true;
}

int np_cli_choice(const char *option, const char *given, const char *first, const char *second)
{
    if (!given) return 0;
    if (strcmp(given, first) == 0) return 1;
    if (strcmp(given, second) == 0) return 2;
    np_cli_misused("--%s %s: expected %s or %s", option, given, first, second);
    return -1;
}

/* ---- warnings ---- */

void np_cli_warn(np_cli_warnings *w, const char *name, const char *format, ...)
{
    if (w->n == sizeof w->warning / sizeof *w->warning) return;
    np_cli_warning *x = &w->warning[w->n++];
    va_list args;
    va_start(args, format);
    x->name = name;
    vsnprintf(x->text, sizeof x->text, format, args);
    va_end(args);
}

void np_cli_capture_warnings(const np_cli_reading *r, np_cli_warnings *w)
{
    const np_capture_counts *read = r->read;
    if (r->stopped || read->interrupted)
        np_cli_warn(w, "interrupted", "stopped by a signal; this covers the packets read until then");
    if (read->backwards)
        np_cli_warn(w, "clock-went-back",
                    "%" PRIu64 " packets claim an earlier time than the one before; time was held for them",
                    read->backwards);
    if (read->cut_files)
        np_cli_warn(w, "packets-cut", "%" PRIu32 " of %" PRIu32 " files could not be read to the end: %s",
                    read->cut_files, r->files, read->cut_text);
    else if (read->by_decoded[NP_DECODED_CUT])
        np_cli_warn(w, "packets-cut",
                    "%" PRIu64
                    " packets were captured too short to tell their flow; capture at least 128 bytes of each",
                    read->by_decoded[NP_DECODED_CUT]);
    if (read->unused_files)
        np_cli_warn(w, "files-unused", "%" PRIu32 " of %" PRIu32 " files gave no packet: %s",
                    read->unused_files, r->files, read->unused_text);
    if (read->strange_packets)
        np_cli_warn(w, "unknown-link-type",
                    "%" PRIu64 " packets are of interfaces that were passed over; the first: %s",
                    read->strange_packets, read->strange_text);
    if (read->packets == 0)
        np_cli_warn(w, "no-packets",
                    r->filtered ? "the capture holds none that the filter lets through"
                                : "the capture holds none");
    else if (r->met == 0)
        np_cli_warn(
            w, "nothing-inside",
            "no packet goes between an inside address and another%s; name the addresses of the clients by "
            "--inside CIDR%s",
            r->local ? ": all that have one go from inside to inside" : "",
            r->inside_named ? "" : ", without which all private and shared ones are inside");
}

void np_cli_print_warnings(const np_cli_warnings *w, FILE *out)
{
    if (w->n) fputs("\nwarnings\n", out);
    for (uint32_t i = 0; i < w->n; i++) fprintf(out, "  %s: %s\n", w->warning[i].name, w->warning[i].text);
}

/* ---- output for people ---- */

void np_cli_print_captures(const char *const *file, uint32_t files, FILE *out)
{
    fprintf(out, "%-9s", "captures");
    for (uint32_t i = 0; i < files; i++) fprintf(out, " %s", file[i]);
    fputc('\n', out);
}

/* Packets that meet no box: ICMP errors do. */
static bool passed_over(int decoded)
{
    return decoded != NP_DECODED_OK && decoded != NP_DECODED_ERROR;
}

void np_cli_print_packets(const np_capture_counts *read, bool filtered, np_time first, np_time last,
                          const uint64_t way[4], FILE *out)
{
    char span[40];
    np_time whole = first <= last ? last - first : 0;
    np_time_format(span, sizeof span, whole - whole % NP_MILLISECOND);
    fprintf(out, "%-9s %" PRIu64 " over %s", "packets", read->packets, span);
    if (filtered) fprintf(out, ", %" PRIu64 " more left out by the filter", read->filtered);
    uint64_t undecoded = 0;
    for (int d = 0; d < NP_DECODED_COUNT; d++) undecoded += passed_over(d) ? read->by_decoded[d] : 0;
    fprintf(out,
            "\n%-9s %" PRIu64 " out, %" PRIu64 " in; not for the box: %" PRIu64 " local, %" PRIu64
            " elsewhere, %" PRIu64 " not decoded",
            "", way[0], way[1], way[2], way[3], undecoded);
    const char *before = " (";
    for (int d = 0; d < NP_DECODED_COUNT; d++) {
        if (!passed_over(d) || !read->by_decoded[d]) continue;
        fprintf(out, "%s%" PRIu64 " %s", before, read->by_decoded[d], np_decoded_name((np_decoded)d));
        before = ", ";
    }
    fprintf(out, "%s\n", undecoded ? ")" : "");
}

/* ---- output for programs ---- */

json_t *np_cli_text_json(const char *s)
{
    json_t *j = json_string(s);
    if (j) return j;
    char *copy = strdup(s);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

json_t *np_cli_captures_json(const char *const *file, uint32_t files)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < files; i++) json_array_append_new(all, np_cli_text_json(file[i]));
    return all;
}

json_t *np_cli_packets_json(const np_capture_counts *read, const uint64_t way[4])
{
    static const char *const name[4] = {"outbound", "inbound", "local", "elsewhere"};
    json_t *undone = json_object(), *j = json_object();
    for (int d = 0; d < NP_DECODED_COUNT; d++)
        if (passed_over(d))
            json_object_set_new(undone, np_decoded_name((np_decoded)d),
                                json_integer((json_int_t)read->by_decoded[d]));
    json_object_set_new(j, "read", json_integer((json_int_t)read->packets));
    json_object_set_new(j, "filtered", json_integer((json_int_t)read->filtered));
    for (int i = 0; i < 4; i++) json_object_set_new(j, name[i], json_integer((json_int_t)way[i]));
    json_object_set_new(j, "icmp_errors", json_integer((json_int_t)read->by_decoded[NP_DECODED_ERROR]));
    json_object_set_new(j, "undecoded", undone);
    return j;
}

json_t *np_cli_warnings_json(const np_cli_warnings *w)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < w->n; i++) {
        json_t *j = json_object();
        json_object_set_new(j, "name", json_string(w->warning[i].name));
        json_object_set_new(j, "text", np_cli_text_json(w->warning[i].text));
        json_array_append_new(all, j);
    }
    return all;
}

json_t *np_cli_time_json(np_time t, bool any)
{
    return any ? json_real(np_seconds(t)) : json_null();
}

/* ---- progress ---- */

void np_cli_reading_step(void *progress, uint64_t done, uint64_t all)
{
    np_progress_step(progress, (uint32_t)(done >> 20), (uint32_t)(all >> 20));
}
