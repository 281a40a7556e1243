/*
 * Addresses as text, tuples, and the RST that answers a packet: tables of cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/packet.h"

static void reads_and_writes_addresses(void **state)
{
    static const struct {
        const char *text, *canonical; /* RFC 5952 */
        int family;
    } cases[] = {
        {"0.0.0.0", "0.0.0.0", 4},
        {"192.0.2.1", "192.0.2.1", 4},
        {"255.255.255.255", "255.255.255.255", 4},
        {"::", "::", 6},
        {"::1", "::1", 6},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", 6},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 6},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", 6},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", 6},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        np_addr a, b;
        int family = 0;
        char buf[46];
        if (!np_addr_parse(cases[i].text, &a, &family)) fail_msg("'%s' was refused", cases[i].text);
        assert_int_equal(family, cases[i].family);
        assert_ptr_equal(np_addr_format(buf, sizeof buf, &a, family), buf);
        assert_string_equal(buf, cases[i].canonical);
        assert_true(np_addr_parse(buf, &b, &family) && np_addr_equal(&a, &b));
    }
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "192.0.2",
        "192.0.2.1.1",
        "192.0.2.256",
        "192.0.2.1 ",
        " 192.0.2.1",
        "192.0.2.1/24",
        "192.0.2.1:80",
        "0x7f.1",
        "127.1",
        "1.2.3.-4",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "fe80::1%lo",
        "[::1]",
        "::1 ",
        "localhost",
        "1:2:3:4:5:6:7",
        "::1.2.3",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        np_addr a = {.half = {7, 7}};
        int family = 9;
        if (np_addr_parse(cases[i], &a, &family)) fail_msg("'%s' was read", cases[i]);
        assert_true(family == 9 && a.half[0] == 7 && a.half[1] == 7);
    }
}

static void ipv4_numbers(void **state)
{
    np_addr a = np_addr_ipv4(0x0a000001), b;
    int family;
    (void)state;
    assert_true(np_addr_parse("10.0.0.1", &b, &family));
    assert_true(np_addr_equal(&a, &b)); /* so the unused bytes are zero in both */
    assert_int_equal(np_addr_to_ipv4(&b), 0x0a000001);
    assert_int_equal(np_addr_to_ipv4(&(np_addr){.byte = {255, 254, 253, 252}}), 0xfffefdfc);

    char small[4] = "xyz";
    np_addr_format(small, sizeof small, &a, 4);
    assert_string_equal(small, "");
}

/* Each field counts, and the padding between them does not. */
static void tuples(void **state)
{
    np_tuple a, b, c;
    (void)state;
    memset(&a, 0xff, sizeof a);
    memset(&b, 0x00, sizeof b);
    for (int i = 0; i < 2; ++i) {
        np_tuple *t = i ? &b : &a;
        t->local = np_addr_ipv4(1);
        t->remote = np_addr_ipv4(2);
        t->local_port = 3;
        t->remote_port = 4;
        t->proto = NP_TCP;
        t->family = 4;
    }
    assert_true(np_tuple_equal(&a, &b));
    for (int field = 0; field < 8; ++field) {
        c = b;
        switch (field) {
        case 0: c.local.byte[0] ^= 1; break;
        case 1: c.local.byte[15] ^= 1; break;
        case 2: c.remote.byte[3] ^= 1; break;
        case 3: c.remote.byte[12] ^= 1; break;
        case 4: c.local_port ^= 0x100; break;
        case 5: c.remote_port ^= 1; break;
        case 6: c.proto = NP_UDP; break;
        case 7: c.family = 6; break;
        }
        if (np_tuple_equal(&a, &c)) fail_msg("field %d does not count", field);
    }
}

/* RFC 9293 3.10.7.1, case by case. */
static void resets(void **state)
{
    static const struct {
        const char *what;
        uint8_t flags;
        uint16_t payload;
        uint8_t want_flags;
        uint32_t want_seq, want_ack;
    } cases[] = {
        {"SYN", NP_SYN, 0, NP_RST | NP_ACK, 0, 0}, /* 0xffffffff + 1 */
        {"SYN with data", NP_SYN, 10, NP_RST | NP_ACK, 0, 10},
        {"data without ACK", NP_PSH, 5, NP_RST | NP_ACK, 0, 4},
        {"FIN without ACK", NP_FIN, 5, NP_RST | NP_ACK, 0, 5},
        {"nothing", 0, 0, NP_RST | NP_ACK, 0, 0xffffffff},
        {"ACK", NP_ACK, 0, NP_RST, 777, 0},
        {"data", NP_ACK | NP_PSH, 100, NP_RST, 777, 0},
        {"SYN/ACK", NP_SYN | NP_ACK, 0, NP_RST, 777, 0},
        {"FIN/ACK", NP_FIN | NP_ACK, 0, NP_RST, 777, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        for (int family = 4; family <= 6; family += 2) {
            np_packet p = {.src = np_addr_ipv4(1),
                           .dst = np_addr_ipv4(2),
                           .sport = 10,
                           .dport = 20,
                           .seq = 0xffffffff,
                           .ack = 777,
                           .conn = 5,
                           .round = 3,
                           .window = 100,
                           .sack = 9,
                           .payload = cases[i].payload,
                           .bytes = 1400,
                           .proto = NP_TCP,
                           .family = (uint8_t)family,
                           .flags = cases[i].flags,
                           .options = NP_OPTION_TIMESTAMP,
                           .kind = NP_KIND_PAYLOAD};
            np_packet r;
            assert_true(np_packet_reset(&p, &r));
            if (r.flags != cases[i].want_flags || r.seq != cases[i].want_seq || r.ack != cases[i].want_ack) {
                fail_msg("%s: flags %x seq %u ack %u", cases[i].what, r.flags, r.seq, r.ack);
            }
            assert_true(np_addr_equal(&r.src, &p.dst) && np_addr_equal(&r.dst, &p.src));
            assert_true(r.sport == 20 && r.dport == 10 && r.conn == 5 && r.round == 3 && r.proto == NP_TCP);
            assert_true(r.family == family && r.bytes == (family == 4 ? 40 : 60));
            assert_true(r.payload == 0 && r.options == 0 && r.window == 0 && r.sack == 0);
            assert_int_equal(r.kind, NP_KIND_CONTROL);

            assert_true(np_packet_reset(&p, &p)); /* in place */
            assert_memory_equal(&p, &r, sizeof r);
            assert_false(np_packet_reset(&p, &r)); /* and never a RST for a RST */
        }
    }
    np_packet udp = {.proto = NP_UDP, .family = 4}, out;
    assert_false(np_packet_reset(&udp, &out));
}

static void sequence_numbers(void **state)
{
    (void)state;
    assert_true(np_seq_before(1, 2) && !np_seq_before(2, 2) && !np_seq_before(3, 2));
    assert_true(np_seq_before(0xffffffff, 0) && np_seq_after(5, 0xfffffff0));
    assert_int_equal(np_packet_seqlen(&(np_packet){.flags = NP_SYN | NP_FIN | NP_ACK, .payload = 7}), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_addresses),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(ipv4_numbers),
        cmocka_unit_test(tuples),
        cmocka_unit_test(resets),
        cmocka_unit_test(sequence_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
