/*
 * MPI, all of it. Built with NP_MPI; without, a process is alone.
 *
 *     rank 0                                   rank r
 *       threads of its crew run units            main thread                 its runner
 *       main thread:                             HELLO version, digest ->
 *         <- HELLO, RESULT: r is idle
 *         UNIT ->                                unit                  ->    np_world_run
 *                                                RESULT ->             <-    result
 *                                                LEAVE ->                    told to stop by a signal
 *         QUIT ->                                halts the runner
 *                                                BYE ->
 *         <- ALIVE ->                            every second, in both directions
 *
 * Rank 0 alone has the plan and the database; the others have the scenario, which each reads for itself, and
 * its digest is compared. A unit is lent by the crew like to a thread, so results do not depend on who ran
 * what. Main threads alone speak MPI (MPI_THREAD_FUNNELED). They poll and sleep, because a blocking receive
 * of Open MPI keeps a core busy, which is another rank's.
 *
 * Ranks that die. MPI itself does not tell: who waits for a dead rank waits for ever. So a rank of the same
 * machine is gone when its process is, and any rank when it has been silent for long. Its unit is done by
 * another; should it come back, it is taken in again, and a result that is there already is dropped. A unit
 * that took several ranks with it ends the sweep. After a death nobody finalizes MPI, which would wait for
 * the dead too. All that needs a launcher that lets the others live (OMPI_MCA_orte_enable_recovery=1 for Open
 * MPI 4); by default mpirun ends all of them, rank 0 too, and the same command goes on from the database.
 */
#include "hands.h"
#include <stdlib.h>

#ifndef NP_MPI

/* Open MPI's mpirun, and srun through PMIx, say in these how many were started and which one this is. */
bool np_ranks_begin(np_ranks *r, np_error *e)
{
    const char *size = getenv("OMPI_COMM_WORLD_SIZE"), *rank = getenv("PMIX_RANK");
    *r = (np_ranks){.rank = 0, .ranks = 1};
    if ((size && atoi(size) > 1) || (rank && atoi(rank) > 0))
        return np_fail(e, NP_TROUBLE_USAGE,
                       "started as one of several ranks, but built without MPI; build it with `make MPI=1`");
    return true;
}

void np_ranks_end(int status)
{
    (void)status;
}

int np_ranks_count(void)
{
    return 1;
}

void np_ranks_serve(np_crew *c, const char *digest, void (*notice)(void *ctx, const char *text), void *ctx)
{
    (void)c;
    (void)digest;
    (void)notice;
    (void)ctx;
}

void np_ranks_assist(const np_points *points, const volatile int *stop)
{
    (void)points;
    (void)stop;
}

void np_ranks_decline(const np_error *e)
{
    (void)e;
}

#else

#include "pack.h"
#include <errno.h>
#include <math.h>
#include <mpi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS   200000 /* short beside a unit, long beside a look */
#define PULSE_S   1.0    /* between signs of life */
#define SILENT_S  10.0   /* of a rank that counts as gone; it may come back */
#define ORPHAN_S  600.0  /* of rank 0, which may be checking a large database, or waiting for its disk */
#define LAST_S    10.0   /* for the others to say goodbye */
#define MOST_LOST 3      /* ranks that one unit may take with it */

enum { HELLO = 1, UNIT, RESULT, FAILED, LEAVE, ALIVE, QUIT, BYE };

/* Who a process is, and what it has: the same on all ranks but for host and pid. */
typedef struct identity {
    char program[80]; /* version and digest of the scenario; empty in signs of life */
    char host[64];
    int64_t pid;
} identity;

/* Somebody else, as seen from here. */
typedef struct peer {
    double heard; /* when it last said anything */
    bool near;    /* of this machine: its process can be looked for */
    int64_t pid;
} peer;

/* This process; MPI itself is one a process. */
static struct {
    bool on, dismissed; /* dismissed: QUIT was sent, or has come */
    bool orphaned;      /* somebody died: MPI cannot be finalized */
    int rank, ranks;
    int dead;     /* for rank 0: of the others, those whose process is known to be no more */
    double pulse; /* when the last signs of life were given */
    peer master;  /* rank 0, for the others */
} self = {.ranks = 1};

typedef struct message {
    int from, kind, size;
    uint8_t *bytes; /* ours to free */
} message;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The next message, without waiting. Memory that is out is the end of all ranks. */
static bool receive(message *m)
{
    int there = 0;
    MPI_Message handle;
    MPI_Status status;
    if (MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &handle, &status) != MPI_SUCCESS ||
        !there)
        return false;
    m->from = status.MPI_SOURCE;
    m->kind = status.MPI_TAG;
    MPI_Get_count(&status, MPI_BYTE, &m->size);
    m->bytes = calloc((size_t)m->size + 1, 1);
    if (!m->bytes) MPI_Abort(MPI_COMM_WORLD, NP_TROUBLE_RUN);
    MPI_Mrecv(m->bytes, m->size, MPI_BYTE, &handle, MPI_STATUS_IGNORE);
    return true;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
}

static identity myself(const char *digest)
{
    identity me = {.pid = getpid()};
    if (digest) snprintf(me.program, sizeof me.program, "%s %s", NP_VERSION, digest);
    gethostname(me.host, sizeof me.host - 1);
    return me;
}

/* A process counts as near when it can be seen at first: a container may have the host's name and pids of its
 * own. */
static void meet(peer *p, const identity *who)
{
    const identity me = myself(NULL);
    p->pid = who->pid;
    p->near =
        who->pid > 0 && strncmp(who->host, me.host, sizeof me.host) == 0 && kill((pid_t)who->pid, 0) == 0;
}

static bool is_gone(const peer *p, double patience_s)
{
    if (p->near && kill((pid_t)p->pid, 0) != 0 && errno == ESRCH) return true;
    return now_s() - p->heard > patience_s;
}

/* Sends, and does not wait for somebody who is gone: a long message ends only when it is taken. The bytes of
   one that was given up may still be looked at by MPI, which after that is not called for anything that
   counts. */
static void tell(int to, int kind, const void *bytes, size_t size)
{
    MPI_Request request;
    int sent = 0;
    double began = now_s();
    if (MPI_Isend(bytes, (int)size, MPI_BYTE, to, kind, MPI_COMM_WORLD, &request) != MPI_SUCCESS) return;
    while (MPI_Test(&request, &sent, MPI_STATUS_IGNORE) == MPI_SUCCESS && !sent) {
        if (self.rank > 0 && is_gone(&self.master, ORPHAN_S)) {
            self.dismissed = self.orphaned = true;
            return;
        }
        if (self.rank == 0 && now_s() - began > SILENT_S) return;
        nap();
    }
}

static bool pulse_is_due(void)
{
    double now = now_s();
    if (now - self.pulse < PULSE_S) return false;
    self.pulse = now;
    return true;
}

bool np_ranks_begin(np_ranks *r, np_error *e)
{
    *r = (np_ranks){.rank = 0, .ranks = 1};
    /* Started by itself it needs no MPI, whose start takes longer than many a sweep. */
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMIX_RANK") && !getenv("PMI_RANK")) return true;
    int granted;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &granted);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &self.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &self.ranks);
    self.on = true;
    self.master.heard = now_s();
    *r = (np_ranks){.rank = self.rank, .ranks = self.ranks};
    const identity me = myself(NULL);
    for (int i = 1; self.rank == 0 && i < self.ranks; i++) tell(i, ALIVE, &me, sizeof me);
    return granted >= MPI_THREAD_FUNNELED || np_fail(e, NP_TROUBLE_RUN, "this MPI allows no threads");
}

int np_ranks_count(void)
{
    return self.ranks;
}

/* ---- rank 0 ---- */

/* One of the other ranks. */
typedef struct hand {
    bool known; /* it has said HELLO; until then it may be reading a large scenario */
    bool idle;  /* it waits for a unit */
    bool lent;  /* it has `unit`, and nobody else has */
    bool lost;
    np_study_unit unit; /* what it was lent last */
    peer peer;
} hand;

/* A unit whose rank was lost, and how often that has been. */
typedef struct loss {
    np_study_unit unit;
    uint32_t times;
} loss;

typedef struct serving {
    np_crew *crew;
    hand *hand; /* [ranks] */
    loss *loss;
    uint32_t losses, room;
    char program[80]; /* of this rank */
    void (*notice)(void *ctx, const char *text);
    void *ctx;
} serving;

static void refuse(serving *s, int from, const char *why)
{
    np_error e;
    np_fail(&e, NP_TROUBLE_RUN, "rank %d: %s", from, why);
    np_crew_fail(s->crew, s->hand[from].unit, &e);
}

static void say(const serving *s, int rank, const char *what)
{
    char text[160];
    snprintf(text, sizeof text, "rank %d %s", rank, what);
    if (s->notice) s->notice(s->ctx, text);
}

static void greet(serving *s, int from, const message *m)
{
    identity who;
    if (m->size != (int)sizeof who) {
        refuse(s, from, "is another natpulse");
        return;
    }
    memcpy(&who, m->bytes, sizeof who);
    if (strncmp(who.program, s->program, sizeof who.program) != 0) {
        refuse(s, from, "read another scenario than rank 0, or is another natpulse");
        return;
    }
    meet(&s->hand[from].peer, &who);
    s->hand[from].known = true;
    s->hand[from].idle = true;
}

static void take_result(serving *s, int from, const message *m)
{
    np_result *r = np_result_unpack(m->bytes, (size_t)m->size);
    if (r)
        np_crew_give(s->crew, s->hand[from].unit, r);
    else
        refuse(s, from, "out of memory for its result");
    s->hand[from].idle = true;
    s->hand[from].lent = false;
}

/* A rank that is told to stop, alone: the others go on, and one of them does its run. */
static void let_go(serving *s, int from)
{
    hand *h = &s->hand[from];
    if (!np_crew_over(s->crew)) say(s, from, h->lent ? "leaves; another does its run" : "leaves");
    if (h->lent) np_crew_return(s->crew, h->unit);
    h->lent = false;
    h->idle = false;
}

static void handle(serving *s, const message *m)
{
    hand *h = &s->hand[m->from];
    h->peer.heard = now_s();
    if (h->lost) say(s, m->from, "is back");
    h->lost = false;
    switch (m->kind) {
    case HELLO: greet(s, m->from, m); break;
    case RESULT: take_result(s, m->from, m); break;
    case LEAVE: let_go(s, m->from); break;
    case ALIVE: break;
    default: refuse(s, m->from, (const char *)m->bytes);
    }
}

static uint32_t count_loss(serving *s, np_study_unit u)
{
    for (uint32_t i = 0; i < s->losses; i++) {
        const np_study_unit *x = &s->loss[i].unit;
        if (x->point == u.point && x->strategy == u.strategy && x->replica == u.replica)
            return ++s->loss[i].times;
    }
    if (s->losses == s->room) {
        uint32_t room = s->room ? 2 * s->room : 16;
        loss *grown = realloc(s->loss, room * sizeof *grown);
        if (!grown) return MOST_LOST;
        s->loss = grown;
        s->room = room;
    }
    s->loss[s->losses++] = (loss){.unit = u, .times = 1};
    return 1;
}

static void lose(serving *s, int rank)
{
    hand *h = &s->hand[rank];
    h->lost = true;
    say(s, rank, h->lent ? "is gone; another does its run" : "is gone");
    if (!h->lent) return;
    h->lent = false;
    if (count_loss(s, h->unit) < MOST_LOST) {
        np_crew_return(s->crew, h->unit);
        return;
    }
    np_error e;
    np_fail(&e, NP_TROUBLE_RUN,
            "%d ranks were lost over the same run: point %u, strategy %u, replica %u; what is "
            "finished is kept",
            MOST_LOST, h->unit.point, h->unit.strategy, h->unit.replica);
    np_crew_fail(s->crew, h->unit, &e);
}

/* Gives signs of life, and looks for those of others. False when nobody is left. */
static bool look_around(serving *s)
{
    const identity me = myself(NULL);
    bool any = false;
    for (int i = 1; i < self.ranks; i++) {
        hand *h = &s->hand[i];
        if (!h->lost && is_gone(&h->peer, h->known ? SILENT_S : ORPHAN_S)) lose(s, i);
        if (!h->lost) tell(i, ALIVE, &me, sizeof me);
        any = any || !h->lost;
    }
    return any;
}

static bool lend(serving *s)
{
    bool lent = false;
    for (int i = 1; i < self.ranks; i++) {
        hand *h = &s->hand[i];
        if (h->lost || !h->idle || !np_crew_lend(s->crew, &h->unit)) continue;
        h->idle = false;
        h->lent = true;
        lent = true;
        tell(i, UNIT, &h->unit, sizeof h->unit);
    }
    return lent;
}

void np_ranks_serve(np_crew *c, const char *digest, void (*notice)(void *ctx, const char *text), void *ctx)
{
    serving s = {.crew = c, .notice = notice, .ctx = ctx, .hand = calloc((size_t)self.ranks, sizeof *s.hand)};
    if (!s.hand) return; /* then its own threads do it all */
    const identity me = myself(digest);
    memcpy(s.program, me.program, sizeof s.program);
    for (int i = 1; i < self.ranks; i++) s.hand[i].peer.heard = now_s();
    bool any = true;
    while (any && !np_crew_over(c)) {
        message m;
        bool busy = false;
        while (receive(&m)) {
            handle(&s, &m);
            free(m.bytes);
            busy = true;
        }
        if (pulse_is_due()) any = look_around(&s);
        if (!lend(&s) && !busy) nap();
    }
    self.dead = 0;
    for (int i = 1; i < self.ranks; i++) {
        self.orphaned = self.orphaned || s.hand[i].lost;
        self.dead += s.hand[i].lost && is_gone(&s.hand[i].peer, INFINITY);
    }
    free(s.hand);
    free(s.loss);
}

/* Sends the others home, and waits for them so that no message is left under way. False when one of them does
   not answer, and is not known to be dead either. */
static bool dismiss(void)
{
    uint8_t orphaned = self.orphaned;
    double began = now_s();
    int here = self.ranks - 1 - self.dead;
    for (int i = 1; i < self.ranks; i++) tell(i, QUIT, &orphaned, sizeof orphaned);
    while (here > 0 && now_s() - began < LAST_S) {
        message m;
        if (!receive(&m)) {
            nap();
            continue;
        }
        here -= m.kind == BYE;
        free(m.bytes);
    }
    return here <= 0;
}

/* ---- the others ---- */

typedef struct runner {
    const np_points *points;
    np_study_unit unit;
    volatile int halt;
    pthread_mutex_t lock;
    pthread_cond_t bell;
    bool done;
    np_result *result;
    np_error error;
} runner;

static void *run(void *runner_)
{
    runner *r = runner_;
    const np_scenario *at = np_points_at(r->points, r->unit.point);
    np_error e = {0};
    np_result *result =
        np_world_run(&at->world, &at->strategy[r->unit.strategy], r->unit.replica, NULL, &r->halt, &e);
    pthread_mutex_lock(&r->lock);
    r->result = result;
    r->error = e;
    r->done = true;
    pthread_cond_signal(&r->bell);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Waits for the runner, but not longer than a nap. */
static bool wait_done(runner *r)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&r->lock);
    if (!r->done) pthread_cond_timedwait(&r->bell, &r->lock, &until);
    bool done = r->done;
    pthread_mutex_unlock(&r->lock);
    return done;
}

/* Hears what rank 0 says, and gives a sign of life. True when it lent a unit. */
static bool listen(np_study_unit *unit)
{
    message m;
    bool lent = false;
    while (!lent && !self.dismissed && receive(&m)) {
        self.master.heard = now_s();
        if (m.kind == ALIVE && m.size == (int)sizeof(identity) && self.master.pid == 0) {
            identity who;
            memcpy(&who, m.bytes, sizeof who);
            meet(&self.master, &who);
        }
        if (m.kind == QUIT) {
            self.dismissed = true;
            self.orphaned = m.size > 0 && m.bytes[0];
        }
        if (m.kind == UNIT && unit && m.size == (int)sizeof *unit) {
            memcpy(unit, m.bytes, sizeof *unit);
            lent = true;
        }
        free(m.bytes);
    }
    if (!self.dismissed && pulse_is_due()) {
        tell(0, ALIVE, NULL, 0);
        if (is_gone(&self.master, ORPHAN_S)) self.dismissed = self.orphaned = true;
    }
    return lent;
}

/* False when there is nothing more to do. */
static bool run_unit(runner *r, const volatile int *stop)
{
    pthread_t thread;
    r->done = false;
    r->result = NULL;
    if (pthread_create(&thread, NULL, run, r) != 0) {
        tell(0, FAILED, "no thread for a run", 20);
        return false;
    }
    while (!wait_done(r)) {
        listen(NULL); /* nothing is lent while a unit runs */
        if (self.dismissed || *stop) r->halt = 1;
    }
    pthread_join(thread, NULL);
    size_t size = 0;
    uint8_t *bytes = r->result ? np_result_pack(r->result, &size) : NULL;
    if (bytes && !self.dismissed)
        tell(0, RESULT, bytes, size);
    else if (!self.dismissed && !*stop) /* a stop is said by np_ranks_assist */
        tell(0, FAILED, r->result ? "out of memory" : r->error.text,
             strlen(r->result ? "out of memory" : r->error.text));
    np_result_destroy(r->result);
    free(bytes);
    return bytes != NULL;
}

void np_ranks_assist(const np_points *points, const volatile int *stop)
{
    runner r = {.points = points, .lock = PTHREAD_MUTEX_INITIALIZER, .bell = PTHREAD_COND_INITIALIZER};
    const identity me = myself(points->base->digest);
    tell(0, HELLO, &me, sizeof me);
    while (!self.dismissed && !*stop) {
        if (!listen(&r.unit))
            nap();
        else if (!run_unit(&r, stop))
            break;
    }
    if (!self.dismissed && *stop) tell(0, LEAVE, NULL, 0);
}

void np_ranks_decline(const np_error *e)
{
    tell(0, FAILED, e->text, strlen(e->text));
}

void np_ranks_end(int status)
{
    if (!self.on) return;
    if (self.rank > 0) {
        while (!self.dismissed) {
            listen(NULL);
            nap();
        }
        tell(0, BYE, NULL, 0);
    } else if (!dismiss()) {
        fflush(NULL);
        MPI_Abort(MPI_COMM_WORLD, status); /* else mpirun would wait for one who hangs */
    }
    if (!self.orphaned) MPI_Finalize();
    self.on = false;
}

#endif
