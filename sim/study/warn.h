/*
 * Warnings: what a reader should know before trusting a study.
 */
#ifndef NATPULSE_STUDY_WARN_H
#define NATPULSE_STUDY_WARN_H

#include "natpulse/study.h"

/* Fills in s->warned from the finished columns. */
void np_study_warn(np_study *s);

#endif
