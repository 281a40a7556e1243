/*
 * MPI, all of it. Built with NP_MPI; without, a process is alone.
 *
 *     rank 0                                   rank r
 *       threads of its crew run units            main thread                 its runner
 *       main thread:                             HELLO digest ->
 *         <- HELLO, RESULT: r is idle
 *         UNIT ->                                unit                  ->    np_world_run
 *                                                RESULT ->             <-    result
 *         QUIT ->                                halts the runner
 *                                                BYE ->
 *
 * Rank 0 alone has the plan and the database; the others have the scenario, which each reads for itself, and
 * its digest is compared. A unit is lent by the crew like to a thread, so results do not depend on who ran
 * what. Main threads alone speak MPI (MPI_THREAD_FUNNELED). They poll and sleep, because a blocking receive
 * of Open MPI keeps a core busy, which is another rank's.
 *
 * When a rank dies, mpirun ends the others, rank 0 too: that is MPI's way, and nothing here works around it.
 * What was finished is in the database; the same command goes on and misses the units that were under way.
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

void np_ranks_end(void) {}

int np_ranks_count(void)
{
    return 1;
}

void np_ranks_serve(np_crew *c, const char *digest)
{
    (void)c;
    (void)digest;
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
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define POLL_NS 200000 /* short beside a unit, long beside a look */

enum { HELLO = 1, UNIT, RESULT, FAILED, QUIT, BYE };

/* This process; MPI itself is one a process. */
static struct {
    bool on, dismissed; /* dismissed: QUIT was sent, or has come */
    int rank, ranks;
} self = {.ranks = 1};

typedef struct message {
    int from, kind, size;
    uint8_t *bytes; /* ours to free */
} message;

/* The next message, without waiting. Memory that is out is the end of all ranks. */
static bool receive(message *m)
{
    int there = 0;
    MPI_Message handle;
    MPI_Status status;
    MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &handle, &status);
    if (!there) return false;
    m->from = status.MPI_SOURCE;
    m->kind = status.MPI_TAG;
    MPI_Get_count(&status, MPI_BYTE, &m->size);
    m->bytes = calloc((size_t)m->size + 1, 1);
    if (!m->bytes) MPI_Abort(MPI_COMM_WORLD, NP_TROUBLE_RUN);
    MPI_Mrecv(m->bytes, m->size, MPI_BYTE, &handle, MPI_STATUS_IGNORE);
    return true;
}

static void tell(int to, int kind, const void *bytes, size_t size)
{
    MPI_Send(bytes, (int)size, MPI_BYTE, to, kind, MPI_COMM_WORLD);
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
}

bool np_ranks_begin(np_ranks *r, np_error *e)
{
    (void)e;
    *r = (np_ranks){.rank = 0, .ranks = 1};
    /* Started by itself it needs no MPI, whose start takes longer than many a sweep. */
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMIX_RANK") && !getenv("PMI_RANK")) return true;
    int granted;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &granted);
    MPI_Comm_rank(MPI_COMM_WORLD, &self.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &self.ranks);
    self.on = true;
    *r = (np_ranks){.rank = self.rank, .ranks = self.ranks};
    return granted >= MPI_THREAD_FUNNELED || np_fail(e, NP_TROUBLE_RUN, "this MPI allows no threads");
}

int np_ranks_count(void)
{
    return self.ranks;
}

/* ---- rank 0 ---- */

/* One of the other ranks. */
typedef struct hand {
    bool idle;
    np_study_unit unit; /* lent, when it is not idle */
} hand;

static void refuse(np_crew *c, int from, np_study_unit u, const char *why)
{
    np_error e;
    np_fail(&e, NP_TROUBLE_RUN, "rank %d: %s", from, why);
    np_crew_fail(c, u, &e);
}

static void handle(np_crew *c, hand *h, const message *m, const char *digest)
{
    np_result *r;
    switch (m->kind) {
    case HELLO:
        if (strcmp((const char *)m->bytes, digest) == 0)
            h->idle = true;
        else
            refuse(c, m->from, h->unit, "read another scenario than rank 0, or is another natpulse");
        break;
    case RESULT:
        r = np_result_unpack(m->bytes, (size_t)m->size);
        if (r)
            np_crew_give(c, h->unit, r);
        else
            refuse(c, m->from, h->unit, "out of memory for its result");
        h->idle = true;
        break;
    default: refuse(c, m->from, h->unit, (const char *)m->bytes);
    }
}

static bool lend(np_crew *c, hand *hands)
{
    bool lent = false;
    for (int i = 1; i < self.ranks; i++) {
        if (!hands[i].idle || !np_crew_lend(c, &hands[i].unit)) continue;
        hands[i].idle = false;
        lent = true;
        tell(i, UNIT, &hands[i].unit, sizeof hands[i].unit);
    }
    return lent;
}

/* What a rank is asked to have: program and scenario. */
static void identity(char *buf, size_t size, const char *digest)
{
    snprintf(buf, size, "%s %s", NP_VERSION, digest);
}

void np_ranks_serve(np_crew *c, const char *digest)
{
    char same[80];
    hand *hands = calloc((size_t)self.ranks, sizeof *hands);
    if (!hands) return; /* then its own threads do it all */
    identity(same, sizeof same, digest);
    while (!np_crew_over(c)) {
        message m;
        bool busy = false;
        while (receive(&m)) {
            handle(c, &hands[m.from], &m, same);
            free(m.bytes);
            busy = true;
        }
        if (!lend(c, hands) && !busy) nap();
    }
    free(hands);
}

/* Sends the others home, and waits for them so that no message is left under way. */
static void dismiss(void)
{
    for (int i = 1; i < self.ranks; i++) tell(i, QUIT, NULL, 0);
    for (int here = self.ranks - 1; here > 0;) {
        message m;
        if (!receive(&m)) {
            nap();
            continue;
        }
        here -= m.kind == BYE;
        free(m.bytes);
    }
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

/* Looks whether rank 0 says that is all. */
static bool quits(void)
{
    message m;
    if (!self.dismissed && receive(&m)) {
        self.dismissed = m.kind == QUIT; /* nothing else comes while a unit runs */
        free(m.bytes);
    }
    return self.dismissed;
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
        if (quits() || *stop) r->halt = 1;
    }
    pthread_join(thread, NULL);
    size_t size = 0;
    uint8_t *bytes = r->result ? np_result_pack(r->result, &size) : NULL;
    if (bytes)
        tell(0, RESULT, bytes, size);
    else if (!self.dismissed)
        tell(0, FAILED, r->result ? "out of memory" : r->error.text,
             strlen(r->result ? "out of memory" : r->error.text));
    np_result_destroy(r->result);
    free(bytes);
    return bytes != NULL;
}

void np_ranks_assist(const np_points *points, const volatile int *stop)
{
    char same[80];
    runner r = {.points = points, .lock = PTHREAD_MUTEX_INITIALIZER, .bell = PTHREAD_COND_INITIALIZER};
    identity(same, sizeof same, points->base->digest);
    tell(0, HELLO, same, strlen(same));
    while (!self.dismissed && !*stop) {
        message m;
        if (!receive(&m)) {
            nap();
            continue;
        }
        self.dismissed = m.kind == QUIT;
        bool unit = m.kind == UNIT && m.size == (int)sizeof r.unit;
        if (unit) memcpy(&r.unit, m.bytes, sizeof r.unit);
        free(m.bytes);
        if (unit && !run_unit(&r, stop)) break;
    }
}

void np_ranks_decline(const np_error *e)
{
    tell(0, FAILED, e->text, strlen(e->text));
}

void np_ranks_end(void)
{
    if (!self.on) return;
    if (self.rank == 0) {
        dismiss();
    } else {
        while (!quits()) nap();
        tell(0, BYE, NULL, 0);
    }
    MPI_Finalize();
    self.on = false;
}

#endif
