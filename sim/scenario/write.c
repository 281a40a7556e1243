/*
 * Tables at work the other way: a struct becomes YAML that reads back to the same struct.
 */
#include "distribution.h"
#include "schema.h"

void np_write_key(np_writer *w, const char *key)
{
    for (int i = 0; i < w->depth - w->dash; ++i) fputs("  ", w->out);
    if (w->dash) fputs("- ", w->out);
    w->dash = false;
    np_yaml_text(w->out, key);
    putc(':', w->out);
}

static uint64_t load_whole(const np_field *f, const void *at)
{
    switch (f->size) {
    case 1: return *(const uint8_t *)at;
    case 2: return *(const uint16_t *)at;
    case 4: return *(const uint32_t *)at;
    default: return *(const uint64_t *)at;
    }
}

static void write_whole(FILE *out, const np_field *f, const void *at)
{
    char buf[NP_MEASURE_TEXT];
    uint64_t value = load_whole(f, at);
    if (value == 0 && f->zero)
        fputs(f->zero, out);
    else if (f->unit == NP_UNIT_TIME)
        fputs(np_time_format(buf, sizeof buf, (np_time)value), out);
    else if (f->unit == NP_UNIT_COUNT)
        fprintf(out, "%llu", (unsigned long long)value);
    else
        fputs(np_measure_format(buf, sizeof buf, f->unit, (double)value), out);
}

static void write_portion(FILE *out, const np_field *f, const np_portion *p)
{
    char buf[NP_MEASURE_TEXT];
    if (p->share > 0)
        fputs(np_measure_format(buf, sizeof buf, NP_UNIT_SHARE, p->share), out);
    else if (p->count == 0 && f->zero)
        fputs(f->zero, out);
    else
        fprintf(out, "%lu", (unsigned long)p->count);
}

static const char *choice_name(const np_field *f, const void *at)
{
    uint64_t value = load_whole(f, at);
    const np_choice *c = f->choice;
    while ((uint64_t)c->value != value) ++c;
    return c->name;
}

void np_field_write(np_writer *w, const np_field *f, const void *base)
{
    const void *at = (const char *)base + f->offset;
    char buf[NP_MEASURE_TEXT];

    switch (f->type) {
    case NP_TYPE_TEXT:
    case NP_TYPE_LISTED: np_yaml_text(w->out, *(const char *const *)at); break;
    case NP_TYPE_WHOLE: write_whole(w->out, f, at); break;
    case NP_TYPE_REAL: {
        double value = *(const double *)at;
        bool word = value == 0 && f->zero;
        fputs(word ? f->zero : np_measure_format(buf, sizeof buf, f->unit, value), w->out);
        break;
    }
    case NP_TYPE_PORTION: write_portion(w->out, f, at); break;
    case NP_TYPE_CHOICE: fputs(choice_name(f, at), w->out); break;
    case NP_TYPE_DIST:
        if (f->zero && ((const np_dist *)at)->kind == NP_DIST_CONSTANT && ((const np_dist *)at)->a == 0)
            fputs(f->zero, w->out);
        else
            np_distribution_write(w->out, f->unit, at);
        break;
    case NP_TYPE_SECTION:
    case NP_TYPE_OWN: break;
    }
}

void np_section_write(np_writer *w, const np_section *s, const void *base)
{
    for (uint32_t i = 0; i < s->fields; ++i) {
        const np_field *f = &s->field[i];
        const void *at = (const char *)base + f->offset;
        if (f->unwritten || (f->inherited && !w->profile)) continue;
        if (f->type == NP_TYPE_OWN) {
            if (f->write) f->write(w, f, base);
            continue;
        }
        np_write_key(w, f->key);
        if (f->type != NP_TYPE_SECTION) {
            putc(' ', w->out);
            np_field_write(w, f, base);
            putc('\n', w->out);
        } else if (f->section->is_off && f->section->is_off(at)) {
            fputs(" off\n", w->out);
        } else {
            putc('\n', w->out);
            w->depth++;
            np_section_write(w, f->section, at);
            w->depth--;
        }
    }
}
