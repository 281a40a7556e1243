/*
 * Escaping, and gnuplot's SVG made fit for a page.
 *
 * gnuplot escapes the texts it writes; its markup is taken apart by tags, which it never writes over more
 * than one line or with a > in an attribute. What is not known is passed on, letter by letter through the
 * same check as text.
 */
#include "html.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* The bytes of the character at s; 0 when it is no UTF-8 or one that XML 1.0 (2.2) does not allow. */
static size_t character(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) return u[0] >= ' ' ? u[0] != 0x7F : u[0] == '\n' || u[0] == '\t';
    size_t n = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : 2;
    uint32_t code = u[0] & (0x7FU >> n);
    if (u[0] < 0xC2 || u[0] > 0xF4) return 0;
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (u[i] & 0x3F);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool ok = code >= least[n] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) &&
              (code & 0xFFFE) != 0xFFFE && code >= 0xA0;
    return ok ? n : 0;
}

/* One character as it stands, or its replacement; returns how many bytes it was. */
static size_t put_checked(FILE *out, const char *s)
{
    size_t n = character(s);
    if (n > 0)
        fwrite(s, 1, n, out);
    else
        fputs(REPLACEMENT, out);
    return n > 0 ? n : 1;
}

void np_html_text(FILE *out, const char *s)
{
    while (*s) {
        switch (*s) {
        case '&': fputs("&amp;", out), s++; break;
        case '<': fputs("&lt;", out), s++; break;
        case '>': fputs("&gt;", out), s++; break;
        case '"': fputs("&quot;", out), s++; break;
        case '\'': fputs("&#39;", out), s++; break;
        default: s += put_checked(out, s);
        }
    }
}

void np_html(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *f = format; *f; f++) {
        if (*f == '%' && f[1] == 's') {
            np_html_text(out, va_arg(args, const char *));
            f++;
        } else {
            fputc(*f, out);
            f += *f == '%' && f[1] == '%';
        }
    }
    va_end(args);
}

/* ---- figures ---- */

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* Where the element that opens at s is over; the end of the text when it never is. */
static const char *behind(const char *s, const char *closing)
{
    const char *end = strstr(s, closing);
    return end ? end + strlen(closing) : s + strlen(s);
}

/* An attribute that a page has no use for: its length, 0: it has. The pages' fonts apply to texts. */
static size_t useless(const char *s)
{
    static const char *const known[] = {" id=\"gnuplot_", " font-family=\"", " font-size=\"17.00\""};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!begins(s, known[i])) continue;
        const char *open = strchr(s, '"'), *close = open ? strchr(open + 1, '"') : NULL;
        return close ? (size_t)(close + 1 - s) : 0;
    }
    return 0;
}

/* Copies from s to `end`. */
static void put_markup(FILE *out, const char *s, const char *end)
{
    static const char old_link[] = "xlink:href=";
    bool in_tag = false;
    while (s < end && *s) {
        size_t drop = in_tag ? useless(s) : 0;
        if (drop > 0) {
            s += drop;
        } else if (in_tag && begins(s, old_link)) {
            fputs("href=", out);
            s += strlen(old_link);
        } else if (begins(s, "<title>")) {
            s = behind(s, "</title>");
        } else {
            in_tag = *s == '<' || (in_tag && *s != '>');
            s += put_checked(out, s);
        }
    }
}

void np_html_svg(FILE *out, const char *svg, const char *label)
{
    const char *box = strstr(svg, "viewBox=\""), *canvas = strstr(svg, "<g id=\"gnuplot_canvas\">"),
               *marks = canvas ? strstr(canvas, "<defs>") : NULL,
               *end = canvas ? strstr(canvas, "</svg>") : NULL;
    if (!box || !end) return; /* not gnuplot's */
    box += strlen("viewBox=\"");
    np_html(out, "<svg role=\"img\" aria-label=\"%s\" viewBox=\"", label);
    fprintf(out, "%.*s\">", (int)strcspn(box, "\""), box);
    put_markup(out, canvas, marks ? marks : end);
    if (marks) put_markup(out, behind(marks, "</defs>"), end);
    fputs("</svg>\n", out);
}

void np_html_svg_marks(FILE *out, const char *svg)
{
    const char *marks = strstr(svg, "<defs>");
    if (!marks) return;
    fputs("<svg class=\"marks\" width=\"0\" height=\"0\" aria-hidden=\"true\">", out);
    put_markup(out, marks, behind(marks, "</defs>"));
    fputs("</svg>\n", out);
}
