/*
 * The crew: a lock around the plan, and a bell for those who wait.
 *
 * Whoever is idle takes the next unit; results are kept under the lock, in the order in which they come. What
 * must not depend on that order (means, merged sketches) is put together afterwards. A thread that finds
 * nothing to take while others still run waits, for a round of replicas that they finish may be followed by
 * another. A unit costs a whole simulation: the lock is not worth more thought.
 */
#include "crew.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct np_crew {
    np_crew_config config;
    pthread_mutex_t lock; /* over all below, and the plan */
    pthread_cond_t bell;  /* something has changed for those who wait */
    bool failed;
    np_study_unit failed_unit; /* the lowest, so that the message depends less on luck */
    np_error error;
    double *goal_value;
    pthread_t *thread;
    uint32_t threads;
};

static bool stopping(const np_crew *c)
{
    return c->config.stop && *c->config.stop;
}

/* Under the lock. */
static bool is_over(const np_crew *c)
{
    return c->failed || stopping(c) || np_plan_over(c->config.plan);
}

static void tell_progress(np_crew *c)
{
    uint64_t done = np_plan_units_done(c->config.plan), all = np_plan_units(c->config.plan);
    if (c->config.progress) c->config.progress(c->config.progress_ctx, (uint32_t)done, (uint32_t)all);
}

static bool below(np_study_unit a, np_study_unit b)
{
    if (a.point != b.point) return a.point < b.point;
    if (a.strategy != b.strategy) return a.strategy < b.strategy;
    return a.replica < b.replica;
}

/* Under the lock. A unit that was abandoned because all is to stop has not failed. */
static void note_failure(np_crew *c, np_study_unit u, const np_error *e)
{
    if (!stopping(c) && (!c->failed || below(u, c->failed_unit))) {
        c->failed = true;
        c->failed_unit = u;
        c->error = *e;
    }
    pthread_cond_broadcast(&c->bell);
}

np_crew *np_crew_create(const np_crew_config *config, np_error *e)
{
    const np_precision *precision = &config->points->base->precision;
    np_crew *c = calloc(1, sizeof *c);
    double *goal_value = calloc(precision->goals + 1, sizeof *goal_value);
    if (!c || !goal_value) {
        free(c);
        free(goal_value);
        np_fail_memory(e, "the threads");
        return NULL;
    }
    c->config = *config;
    c->goal_value = goal_value;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->bell, NULL);
    tell_progress(c);
    return c;
}

bool np_crew_lend(np_crew *c, np_study_unit *u)
{
    pthread_mutex_lock(&c->lock);
    bool lent = !is_over(c) && np_plan_next(c->config.plan, u);
    pthread_mutex_unlock(&c->lock);
    return lent;
}

/* Under the lock. */
static void keep(np_crew *c, np_study_unit u, np_result *r)
{
    const np_precision *precision = &c->config.points->base->precision;
    np_error e = {0};
    for (uint32_t g = 0; g < precision->goals; g++) c->goal_value[g] = r->value[precision->goal[g].metric];
    bool kept = c->config.keep(c->config.keep_ctx, u, r, &e);
    if (kept && !np_plan_done(c->config.plan, u, c->goal_value)) kept = np_fail_memory(&e, "the plan");
    if (kept)
        tell_progress(c);
    else
        note_failure(c, u, &e);
}

void np_crew_give(np_crew *c, np_study_unit u, np_result *r)
{
    pthread_mutex_lock(&c->lock);
    if (np_plan_may_come_to(c->config.plan, u))
        keep(c, u, r);
    else
        np_result_destroy(r);
    pthread_cond_broadcast(&c->bell);
    pthread_mutex_unlock(&c->lock);
}

void np_crew_fail(np_crew *c, np_study_unit u, const np_error *e)
{
    pthread_mutex_lock(&c->lock);
    note_failure(c, u, e);
    pthread_mutex_unlock(&c->lock);
}

void np_crew_return(np_crew *c, np_study_unit u)
{
    np_error e = {0};
    pthread_mutex_lock(&c->lock);
    if (np_plan_return(c->config.plan, u))
        pthread_cond_broadcast(&c->bell);
    else if (!np_fail_memory(&e, "the plan"))
        note_failure(c, u, &e);
    pthread_mutex_unlock(&c->lock);
}

bool np_crew_over(np_crew *c)
{
    pthread_mutex_lock(&c->lock);
    bool over = is_over(c);
    pthread_mutex_unlock(&c->lock);
    return over;
}

/* The next unit, as soon as there is one; false: the work is over. Somebody else runs a unit while this one
   waits, and rings when it ends, or when it was told to stop. */
static bool take(np_crew *c, np_study_unit *u)
{
    pthread_mutex_lock(&c->lock);
    bool over, taken = false;
    while (!(over = is_over(c)) && !(taken = np_plan_next(c->config.plan, u)))
        pthread_cond_wait(&c->bell, &c->lock);
    if (over) pthread_cond_broadcast(&c->bell);
    pthread_mutex_unlock(&c->lock);
    return taken;
}

void np_crew_work(np_crew *c)
{
    np_study_unit u;
    while (take(c, &u)) {
        const np_scenario *at = np_points_at(c->config.points, u.point);
        np_error e = {0};
        np_result *r =
            np_world_run(&at->world, &at->strategy[u.strategy], u.replica, NULL, c->config.stop, &e);
        if (r)
            np_crew_give(c, u, r);
        else
            np_crew_fail(c, u, &e);
    }
}

static void *work(void *crew)
{
    np_crew_work(crew);
    return NULL;
}

uint32_t np_crew_threads(uint32_t jobs)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return jobs ? jobs : cores > 0 ? (uint32_t)cores : 1;
}

void np_crew_start(np_crew *c, uint32_t threads)
{
    c->thread = calloc(threads + 1, sizeof *c->thread);
    while (c->thread && c->threads < threads && pthread_create(&c->thread[c->threads], NULL, work, c) == 0)
        c->threads++;
}

bool np_crew_destroy(np_crew *c, bool *stopped, np_error *e)
{
    for (uint32_t i = 0; i < c->threads; i++) pthread_join(c->thread[i], NULL);
    bool over = np_plan_over(c->config.plan);
    *stopped = !over && !c->failed;
    if (c->failed && e) *e = c->error;
    over = over && !c->failed;
    pthread_cond_destroy(&c->bell);
    pthread_mutex_destroy(&c->lock);
    free(c->thread);
    free(c->goal_value);
    free(c);
    return over;
}
