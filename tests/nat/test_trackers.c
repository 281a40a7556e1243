/*
 * The trackers `flags`, `states` and `pf`: packet scripts, both ways round, with outcomes worked out by hand
 * from the rules; and that no sequence of packets brings a tracker to an answer that a box cannot follow.
 */
#include "draw.h"
#include "track_script.h"

static void play(const np_tracker *t, const char *name, size_t least)
{
    char path[80];
    snprintf(path, sizeof path, "tests/conformance/%s/%s.script", t->name, name);
    for (int mirrored = 0; mirrored < 2; ++mirrored) {
        script_result r;
        if (!script_play_file(t, path, mirrored, &r))
            fail_msg("%s cannot be read: run from the top of the tree", path);
        assert_true(r.steps >= least);
        assert_int_equal(r.wrong, 0);
    }
}

static void flags_states(void **state)
{
    (void)state;
    play(&np_track_flags, "states", 30);
}

static void states_states(void **state)
{
    (void)state;
    play(&np_track_states, "states", 50);
}

static void pf_states(void **state)
{
    (void)state;
    play(&np_track_pf, "states", 50);
}

static void pf_windows(void **state)
{
    (void)state;
    play(&np_track_pf, "windows", 60);
}

/* Whatever comes in whatever order: classes exist, states have names, the direction is kept, and what closes
   a mapping forwards or drops. */
static void any_packets(void **state)
{
    (void)state;
    static const np_tracker *const trackers[] = {&np_track_linux, &np_track_flags, &np_track_states,
                                                 &np_track_pf};
    uint64_t s = seed_of_run();
    np_time timeout[NP_TIMEOUT_COUNT];
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i) timeout[i] = (1 + i) * NP_SECOND;
    np_track_config c = np_track_defaults(timeout);
    for (size_t t = 0; t < sizeof trackers / sizeof *trackers; ++t) {
        uint64_t side[8];
        bool mapped = false, first_out = false;
        for (uint32_t i = 0; i < 300000; ++i) {
            np_packet p = {.family = 4,
                           .proto = NP_TCP,
                           .flags = below(&s, 4) ? NP_ACK : (uint8_t)draw(&s),
                           .seq = 1000 + below(&s, 4) * below(&s, 70000),
                           .ack = 1000 + below(&s, 4) * below(&s, 70000),
                           .window = (uint16_t)(draw(&s) & draw(&s)),
                           .payload = (uint16_t)(below(&s, 3) ? 0 : below(&s, 1500)),
                           .options = (uint8_t)draw(&s)};
            bool out = below(&s, 2);
            np_track_answer a;
            if (mapped) {
                a = trackers[t]->judge(&c, side, &p, out, i, i + 1 + below(&s, 1000));
            } else {
                first_out = out;
                a = (below(&s, 2) ? trackers[t]->start : trackers[t]->adopt)(&c, side, &p, out, i);
                assert_true(a.verdict == NP_TRACK_RENEW || a.verdict == NP_TRACK_INVALID);
            }
            assert_in_range(a.verdict, NP_TRACK_RENEW, NP_TRACK_CHALLENGE);
            assert_in_range(a.class, 0, NP_TIMEOUT_COUNT - 1);
            bool gone =
                a.verdict == NP_TRACK_REOPEN || a.verdict == NP_TRACK_DELETE || a.verdict == NP_TRACK_PURGE;
            if (!mapped && a.verdict == NP_TRACK_INVALID) continue;
            bool synack = (p.flags & (NP_SYN | NP_ACK)) == (NP_SYN | NP_ACK);
            if (!mapped && !synack) assert_int_equal(!(a.mark & NP_TRACK_INBOUND), first_out);
            mapped = !gone && below(&s, 300);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_states), cmocka_unit_test(states_states), cmocka_unit_test(pf_states),
        cmocka_unit_test(pf_windows),   cmocka_unit_test(any_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
