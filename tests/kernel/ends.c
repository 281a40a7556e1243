/*
 * A real TCP client and server, one process with a socket in each namespace: what they send, and when each
 * learns that the connection is dead.
 *
 *     ends --suffix S [--keepalive IDLE,INTERVAL,PROBES] [--beat EVERY,TIMEOUT,MISSES] [--closes-after S]
 *          [--push EVERY] [--user-timeout S] [--flush-at S] [--at S COMMAND]... --until S
 *
 * Times are seconds (decimals allowed) after the client's SYN. The heartbeat is natpulse's `fixed`: a beat
 * every EVERY from the opening on, dead after MISSES in a row that were not answered within TIMEOUT; the
 * server answers, and with --closes-after gives up a client that was silent for so long. --push: the server
 * sends a message every so often. --flush-at: the router loses its conntrack table. --at: a shell command, in
 * the namespaces' mount space.
 *
 * An end that knows closes its socket with a reset.
 *
 * Output, about in the order of time:
 *     packet TIME client|server FLAGS SEQ LENGTH      as they left that end's interface; SEQ relative to its
 * SYN knew TIME client|server HOW                      timeout, reset, closed, beats, silence
 */
#include "netlab.h"
#include "wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NEVER     INT64_MAX
#define PORT      7000
#define COMMANDS  8
#define CLIENT_IP 0x0a4d0102u
#define SERVER_IP 0xc0000202u
#define BEAT      2 /* bytes of a beat and of its answer (natpulse's defaults) */

enum { CLIENT, SERVER };
static const char *const side_name[] = {"client", "server"};

typedef struct ends {
    int sock[2], wire[2], listener, table;
    int64_t start; /* realtime, of the SYN */
    uint32_t isn[2];
    bool known[2], shown[2];
    /* what to do */
    int keepalive[3];
    int64_t every, timeout, closes_after, push, user_timeout, flush_at, until;
    uint32_t misses;
    struct {
        int64_t at;
        const char *command;
    } command[COMMANDS];
    uint32_t commands;
    /* heartbeat */
    int64_t next_beat, answer_due, heard, next_push;
    uint32_t missed;
} ends;

static int64_t elapsed(const ends *e)
{
    return now_ns() - e->start;
}

/* ---- set-up ---- */

static void set(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0) die("socket option %d", option);
}

static struct sockaddr_in server_address(void)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(SERVER_IP)};
}

static void set_up(ends *e, const char *suffix)
{
    struct sockaddr_in a = server_address();
    netlab_enter("router", suffix);
    e->table = conntrack_open();
    netlab_enter("server", suffix);
    e->wire[SERVER] = netlab_open("s0", NETLAB_ALL);
    e->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set(e->listener, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(e->listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(e->listener, 1) < 0)
        die("listening");
    netlab_enter("client", suffix);
    e->wire[CLIENT] = netlab_open("c0", NETLAB_ALL);
    e->sock[CLIENT] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (e->sock[CLIENT] < 0) die("socket");
    if (e->keepalive[0]) {
        set(e->sock[CLIENT], SOL_SOCKET, SO_KEEPALIVE, 1);
        set(e->sock[CLIENT], IPPROTO_TCP, TCP_KEEPIDLE, e->keepalive[0]);
        set(e->sock[CLIENT], IPPROTO_TCP, TCP_KEEPINTVL, e->keepalive[1]);
        set(e->sock[CLIENT], IPPROTO_TCP, TCP_KEEPCNT, e->keepalive[2]);
    }
}

static void prepare(ends *e, int side)
{
    set(e->sock[side], IPPROTO_TCP, TCP_NODELAY, 1);
    if (e->user_timeout) set(e->sock[side], IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(e->user_timeout / 1000000));
    if (fcntl(e->sock[side], F_SETFL, O_NONBLOCK) < 0) die("non-blocking");
}

static void open_connection(ends *e)
{
    struct sockaddr_in a = server_address();
    e->start = now_ns();
    if (connect(e->sock[CLIENT], (struct sockaddr *)&a, sizeof a) < 0) die("connecting");
    e->sock[SERVER] = accept(e->listener, NULL, NULL);
    if (e->sock[SERVER] < 0) die("accepting");
    prepare(e, CLIENT);
    prepare(e, SERVER);
}

static void run_command(const char *command)
{
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
}

/* ---- what happens ---- */

static void say(const ends *e, int64_t when, const char *format, ...)
{
    va_list a;
    va_start(a, format);
    printf("%s %.6f ", format[0] == 'k' ? "knew" : "packet", (double)(when - e->start) / 1e9);
    vprintf(format + 2, a);
    putchar('\n');
    va_end(a);
}

static void read_wire(ends *e, int side)
{
    netlab_packet heard;
    packet p;
    while (netlab_hear_one(e->wire[side], &heard)) {
        if (!heard.leaving || !wire_parse(&p, heard.data, heard.n) || p.proto != TCP) continue;
        if (!e->shown[side]) e->isn[side] = p.seq;
        if (!e->shown[side] && side == CLIENT) e->start = heard.when;
        e->shown[side] = true;
        say(e, heard.when, "p %s %u %u %u", side_name[side], p.flags & ~PSH, p.seq - e->isn[side], p.length);
    }
}

static void knows(ends *e, int side, const char *how)
{
    if (e->known[side]) return;
    struct linger at_once = {.l_onoff = 1};
    e->known[side] = true;
    say(e, now_ns(), "k %s %s", side_name[side], how);
    setsockopt(e->sock[side], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(e->sock[side]); /* by a reset, unless it is closed already */
}

static void send_some(ends *e, int side, const char *bytes, size_t n)
{
    if (send(e->sock[side], bytes, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        knows(e, side, errno == ETIMEDOUT ? "timeout" : "reset");
}

static void read_socket(ends *e, int side)
{
    char data[4096];
    ssize_t n = recv(e->sock[side], data, sizeof data, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        knows(e, side, n == 0 ? "closed" : errno == ETIMEDOUT ? "timeout" : "reset");
        return;
    }
    e->heard = side == SERVER ? elapsed(e) : e->heard;
    if (!e->every || data[0] != 'b') return;
    if (side == SERVER) {
        for (ssize_t i = 0; i < n; i += BEAT) send_some(e, SERVER, "ba", BEAT);
    } else {
        e->answer_due = NEVER;
        e->missed = 0;
    }
}

/* The heartbeat and the server's rule; returns when to be called next. */
static int64_t keep_time(ends *e)
{
    int64_t now = elapsed(e), next = e->until;
    if (!e->known[CLIENT] && now >= e->answer_due) {
        e->answer_due = NEVER;
        if (++e->missed >= e->misses) knows(e, CLIENT, "beats");
    }
    if (!e->known[CLIENT] && now >= e->next_beat) {
        e->next_beat += e->every;
        send_some(e, CLIENT, "bb", BEAT);
        if (e->answer_due == NEVER) e->answer_due = now + e->timeout;
    }
    if (!e->known[SERVER] && e->closes_after && now >= e->heard + e->closes_after)
        knows(e, SERVER, "silence");
    if (!e->known[SERVER] && now >= e->next_push) {
        e->next_push += e->push;
        send_some(e, SERVER, "p", 1);
    }
    if (now >= e->flush_at) {
        e->flush_at = NEVER;
        conntrack_flush(e->table);
    }
    for (uint32_t i = 0; i < e->commands; i++) {
        if (now >= e->command[i].at) {
            run_command(e->command[i].command);
            e->command[i].at = NEVER;
        }
        if (e->command[i].at < next) next = e->command[i].at;
    }
    if (e->flush_at < next) next = e->flush_at;
    if (!e->known[CLIENT] && e->next_beat < next) next = e->next_beat;
    if (!e->known[CLIENT] && e->answer_due < next) next = e->answer_due;
    if (!e->known[SERVER] && e->next_push < next) next = e->next_push;
    if (!e->known[SERVER] && e->closes_after && e->heard + e->closes_after < next)
        next = e->heard + e->closes_after;
    return next;
}

static void live(ends *e)
{
    e->answer_due = NEVER;
    e->next_beat = e->every ? e->every : NEVER;
    e->next_push = e->push ? e->push : NEVER;
    e->heard = elapsed(e);
    while (elapsed(e) < e->until) {
        struct pollfd p[4] = {{e->known[CLIENT] ? -1 : e->sock[CLIENT], POLLIN, 0},
                              {e->known[SERVER] ? -1 : e->sock[SERVER], POLLIN, 0},
                              {e->wire[CLIENT], POLLIN, 0},
                              {e->wire[SERVER], POLLIN, 0}};
        int64_t wait = keep_time(e) - elapsed(e);
        struct timespec t = {0};
        if (wait > 0) t = (struct timespec){wait / SECOND, wait % SECOND};
        if (ppoll(p, 4, &t, NULL) < 0 && errno != EINTR) die("waiting");
        for (int side = 0; side < 2; side++) {
            read_wire(e, side);
            if (p[side].revents) read_socket(e, side);
        }
        fflush(stdout);
    }
}

static int64_t seconds(const char *text)
{
    return (int64_t)(strtod(text, NULL) * 1e9);
}

int main(int argc, char **argv)
{
    ends e = {.flush_at = NEVER, .until = 20 * SECOND};
    const char *suffix = "";
    double a, b;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (!strcmp(argv[i], "--suffix"))
            suffix = value;
        else if (!strcmp(argv[i], "--keepalive"))
            sscanf(value, "%d,%d,%d", &e.keepalive[0], &e.keepalive[1], &e.keepalive[2]);
        else if (!strcmp(argv[i], "--beat")) {
            if (sscanf(value, "%lf,%lf,%u", &a, &b, &e.misses) != 3) die("--beat");
            e.every = (int64_t)(a * 1e9), e.timeout = (int64_t)(b * 1e9);
        } else if (!strcmp(argv[i], "--closes-after"))
            e.closes_after = seconds(value);
        else if (!strcmp(argv[i], "--push"))
            e.push = seconds(value);
        else if (!strcmp(argv[i], "--user-timeout"))
            e.user_timeout = seconds(value);
        else if (!strcmp(argv[i], "--flush-at"))
            e.flush_at = seconds(value);
        else if (!strcmp(argv[i], "--until"))
            e.until = seconds(value);
        else if (!strcmp(argv[i], "--at") && i + 2 < argc && e.commands < COMMANDS) {
            e.command[e.commands].at = seconds(value);
            e.command[e.commands++].command = argv[i + 2];
            i++;
        } else
            errno = EINVAL, die("option %s", argv[i]);
    }
    set_up(&e, suffix);
    open_connection(&e);
    live(&e);
    return 0;
}
