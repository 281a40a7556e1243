/*
 * The keys of a radio, and of the profiles in profiles/radio.
 */
#include "schema.h"

static void radio_begin(void *base)
{
    *(np_radio_config *)base = (np_radio_config){.name = "inline", .up_bps = 10e6, .down_bps = 10e6};
}

static void radio_off(void *base)
{
    *(np_radio_config *)base = (np_radio_config){.name = NULL};
}

static bool radio_is_off(const void *base)
{
    return !((const np_radio_config *)base)->name;
}

static void radio_check(np_loading *l, const np_node *n, void *base)
{
    const np_radio_config *r = base;
    if (r->second_tail > 0 && r->tail == 0)
        np_report_node(l->report, np_node_at(n, "second_tail"),
                       "second_tail: it follows the tail, and there is none; expected the key \"tail\" too");
}

#define MOST_POWER 1000.0 /* W */

#define RADIO_TIME(name, member, text)                                                                       \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_WHOLE, .unit = NP_UNIT_TIME, .most = (double)NP_HOUR,  \
        .zero = "none", NP_FIELD(np_radio_config, member)                                                    \
    }
#define RADIO_POWER(name, member, text)                                                                      \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_REAL, .unit = NP_UNIT_POWER, .most = MOST_POWER,       \
        NP_FIELD(np_radio_config, member)                                                                    \
    }
#define RADIO_RATE(name, member, text)                                                                       \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_REAL, .unit = NP_UNIT_RATE, .least = 1e3,              \
        .most = 1e12, NP_FIELD(np_radio_config, member)                                                      \
    }

static const np_field radio_fields[] = {
    {.key = "name",
     .meaning = "for messages; the profile's by default",
     .type = NP_TYPE_TEXT,
     NP_FIELD(np_radio_config, name)},
    RADIO_TIME("promotion", promotion, "from idle to awake"),
    RADIO_POWER("promotion_power", promotion_w, "meanwhile"),
    RADIO_TIME("tail", tail, "it stays awake so long after the last packet"),
    RADIO_POWER("tail_power", tail_w, "meanwhile"),
    RADIO_TIME("second_tail", second_tail, "and then so long with less"),
    RADIO_POWER("second_tail_power", second_tail_w, "meanwhile"),
    RADIO_POWER("up_power_per_mbit", up_w, "while it sends, for each Mbit/s"),
    RADIO_POWER("down_power_per_mbit", down_w, "while it receives, for each Mbit/s"),
    RADIO_POWER("base_power", base_w, "while it does either, whatever the rate"),
    RADIO_RATE("up_rate", up_bps, "at which it sends"),
    RADIO_RATE("down_rate", down_bps, "at which it receives"),
};
const np_section np_section_radio = {.name = "radio",
                                     .kind = "radio",
                                     NP_FIELDS(radio_fields),
                                     .begin = radio_begin,
                                     .check = radio_check,
                                     .off = radio_off,
                                     .is_off = radio_is_off,
                                     .figure = {{"promotion", NULL},
                                                {"promotion_power", NULL},
                                                {"tail", NULL},
                                                {"tail_power", NULL},
                                                {"second_tail", NULL},
                                                {"second_tail_power", NULL}}};
