/*
 * The kernel's own LRU hash (BPF_MAP_TYPE_LRU_HASH) beside a box with `evict: bpf-lru`: the same new flows,
 * uses and ends in both, and after each new flow the same flows must be there.
 *
 *     bpf_lru SEED
 *
 * Each flow is handled on the CPU that natpulse's hash gives it, which is why this process moves from one to
 * the other; flows of CPUs that it may not use are left out. A use is a lookup by a BPF program, which sets
 * the mapping's bit; the system call that looks whether a flow is there does not. Status 77 where the system
 * call is not to be had.
 */
#include "../../sim/nat/hash.h"
#include "natpulse/box.h"
#include "netlab.h"
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SERVER 0xc6336401u
#define FLOWS  1200u
#define STEPS  20000u
#define FRAME  64 /* bytes given to the program; its first four are the flow's number */

typedef struct lab {
    int map, program;
    np_box *box;
    bool there[FLOWS]; /* as the box has it */
    uint32_t gone;     /* by the new flow at hand */
    uint32_t cpus;
    cpu_set_t allowed;
    int at; /* the CPU, -1: not yet known */
} lab;

/* ---- the kernel's side ---- */

static long bpf(int command, union bpf_attr *attr)
{
    return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static uint64_t pointer(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

static int make_map(uint32_t capacity)
{
    union bpf_attr a = {
        .map_type = BPF_MAP_TYPE_LRU_HASH, .key_size = 4, .value_size = 4, .max_entries = capacity};
    return (int)bpf(BPF_MAP_CREATE, &a);
}

/* Looks up the flow whose number its packet begins with. */
static int load_program(int map)
{
    const struct bpf_insn text[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
        {.code = BPF_LD | BPF_ABS | BPF_W},
        {.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -4},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10},
        {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4},
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
        {0},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr a = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                        .insns = pointer(text),
                        .insn_cnt = sizeof text / sizeof *text,
                        .license = pointer("MIT")};
    return (int)bpf(BPF_PROG_LOAD, &a);
}

static void use(const lab *l, uint32_t id)
{
    uint8_t frame[FRAME] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    /* the program sees what follows an Ethernet header, if the kernel takes the first bytes for one */
    memcpy(frame + 14, frame, 4);
    union bpf_attr a = {
        .test = {.prog_fd = (uint32_t)l->program, .data_in = pointer(frame), .data_size_in = sizeof frame}};
    if (bpf(BPF_PROG_TEST_RUN, &a) < 0) die("running the program");
}

static bool is_there(const lab *l, uint32_t id)
{
    uint32_t value;
    union bpf_attr a = {.map_fd = (uint32_t)l->map, .key = pointer(&id), .value = pointer(&value)};
    if (bpf(BPF_MAP_LOOKUP_ELEM, &a) == 0) return true;
    if (errno != ENOENT) die("looking for a flow");
    return false;
}

static void add(const lab *l, uint32_t id)
{
    union bpf_attr a = {.map_fd = (uint32_t)l->map, .key = pointer(&id), .value = pointer(&id)};
    if (bpf(BPF_MAP_UPDATE_ELEM, &a) < 0) die("adding a flow");
}

static void end(const lab *l, uint32_t id)
{
    union bpf_attr a = {.map_fd = (uint32_t)l->map, .key = pointer(&id)};
    if (bpf(BPF_MAP_DELETE_ELEM, &a) < 0) die("ending a flow");
}

/* ---- natpulse's side ---- */

static np_tuple inside_of(uint32_t id)
{
    return (np_tuple){np_addr_ipv4(0x0a000000 + id), np_addr_ipv4(SERVER), 1000, 53, NP_UDP, 4};
}

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    (void)when;
    lab *l = ctx;
    l->there[m->conn] = what == NP_MAPPING_CREATED;
    l->gone += what == NP_MAPPING_EVICTED;
}

static void send_packet(lab *l, uint32_t id, np_time now)
{
    np_packet p = {.src = np_addr_ipv4(0x0a000000 + id),
                   .dst = np_addr_ipv4(SERVER),
                   .sport = 1000,
                   .dport = 53,
                   .proto = NP_UDP,
                   .family = 4,
                   .bytes = 40,
                   .conn = id};
    if (np_box_outbound(l->box, &p, now).verdict != NP_FORWARD) errno = 0, die("the box drops flow %u", id);
}

/* ---- both ---- */

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 */
static uint32_t below(uint64_t *state, uint32_t n)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % n);
}

/* The CPU that evict_bpf_lru.c gives a flow. */
static uint32_t cpu_of(const lab *l, uint32_t id)
{
    np_tuple k = inside_of(id);
    return np_below(np_hash_fold(np_hash_tuple(&k) ^ NP_HASH_D, NP_HASH_C), l->cpus);
}

static void move_to(lab *l, uint32_t cpu)
{
    cpu_set_t one;
    if (l->at == (int)cpu) return;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0) die("moving to CPU %u", cpu);
    l->at = (int)cpu;
}

/* How many of the flows are there in one and not in the other. */
static uint32_t differ(const lab *l)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < FLOWS; id++) n += l->there[id] != is_there(l, id);
    return n;
}

/* Both from empty to the end of the run; the new flows after which they disagreed. */
static uint32_t run(lab *l, uint32_t capacity, uint64_t seed)
{
    np_nat_config c;
    np_error e;
    np_nat_defaults(&c);
    c.evict = "bpf-lru";
    c.capacity = capacity;
    c.cpus = l->cpus;
    c.timeout[NP_TIMEOUT_UDP] = c.timeout[NP_TIMEOUT_UDP_STREAM] = NP_DAY;
    l->box = np_box_create(&c, np_key_make(seed, 0), 0, &e);
    if (!l->box) errno = 0, die("%s", e.text);
    np_box_set_tap(l->box, (np_box_tap){.mapping = on_mapping, .ctx = l});
    memset(l->there, 0, sizeof l->there);
    if ((l->map = make_map(capacity)) < 0 || (l->program = load_program(l->map)) < 0) die("bpf");

    uint64_t s = seed * 7919 + capacity;
    uint32_t hot = capacity < 8 ? 8 : capacity * 3 / 4, fresh = 0, evicted = 0, batches = 0, wrong = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        np_time now = step * NP_MILLISECOND;
        uint32_t id = below(&s, below(&s, 3) == 0 ? FLOWS : hot), kind = below(&s, 40);
        if (!CPU_ISSET(cpu_of(l, id), &l->allowed)) continue;
        for (uint32_t other = 0; step % 64 == 1 && other < FLOWS; other++) /* many are used at once */
            if (l->there[other] && below(&s, 8) > 0) use(l, other), send_packet(l, other, now);
        if (kind == 0) {
            np_tuple k = inside_of(id);
            if (l->there[id] && is_there(l, id)) end(l, id);
            np_box_close(l->box, &k, now);
            continue;
        }
        bool known = l->there[id];
        l->gone = 0;
        move_to(l, cpu_of(l, id));
        if (known)
            use(l, id);
        else
            add(l, id);
        send_packet(l, id, now);
        if (known) continue;
        fresh++;
        evicted += l->gone;
        batches += l->gone > 0;
        wrong += (l->gone > 0 || step % 64 == 0) && differ(l) > 0;
    }
    printf("capacity %4u, CPUs %u: %5u new flows, %5u evicted in %5u batches, disagreed after %u\n", capacity,
           l->cpus, fresh, evicted, batches, wrong);
    np_box_destroy(l->box);
    close(l->program);
    close(l->map);
    return wrong;
}

static uint32_t possible_cpus(void)
{
    char text[64] = "";
    FILE *f = fopen("/sys/devices/system/cpu/possible", "r");
    uint32_t first, last;
    if (!f || !fgets(text, sizeof text, f)) die("the list of CPUs");
    fclose(f);
    int n = sscanf(text, "%u-%u", &first, &last);
    if (n < 1 || first != 0 || strchr(text, ',')) return 0;
    return n == 1 ? 1 : last + 1;
}

int main(int argc, char **argv)
{
    static const uint32_t capacity[] = {1, 2, 3, 5, 8, 13, 64, 300, 700, 1100};
    static lab l = {.at = -1};
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    l.cpus = possible_cpus();
    if (l.cpus == 0 || l.cpus > NP_CPUS_MOST || sched_getaffinity(0, sizeof l.allowed, &l.allowed) < 0) {
        printf("the CPUs of this machine are not numbered 0, 1, ... %u\n", NP_CPUS_MOST - 1);
        return 77;
    }
    int map = make_map(1), program = map < 0 ? -1 : load_program(map);
    if (program < 0) {
        printf("needs BPF maps and programs (root, outside of containers): %s\n", strerror(errno));
        return 77;
    }
    close(program);
    close(map);
    uint32_t wrong = 0;
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++) wrong += run(&l, capacity[i], seed);
    return wrong > 0;
}
