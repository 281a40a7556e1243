/*
 * The list of trackers.
 */
#include "box_state.h"

const np_tracker *np_tracker_of(np_tracking t)
{
    static const np_tracker *const trackers[] = {[NP_TRACK_NONE] = NULL,
                                                 [NP_TRACK_LINUX] = &np_track_linux,
                                                 [NP_TRACK_FLAGS] = &np_track_flags,
                                                 [NP_TRACK_PF] = &np_track_pf,
                                                 [NP_TRACK_STATES] = &np_track_states};
    return (unsigned)t < sizeof trackers / sizeof *trackers ? trackers[t] : NULL;
}
