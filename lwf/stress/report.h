/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - what a run was, for people and for machines: made from a record alone.
 *
 * HTML is one page without anything outside of it: styles and pictures are inside, no script, no
 * network. KTAP and JUnit are for test runners: a record of one run is one case, named by its scenario, so that
 * a server which keeps a history sees the same name again with every seed; of several runs each is a case,
 * named by scenario and seed.
 *
 * All of these write to @out, and return 0 or -EIO.
 */
#ifndef LWF_STRESS_REPORT_H
#define LWF_STRESS_REPORT_H

#include <stdio.h>

#include "record.h"

int stress_report_html(const struct stress_record *record, FILE *out);

/** A case for each run, as KTAP: ok, not ok, or skipped. */
int stress_report_ktap(const struct stress_record *record, FILE *out);

/** One testsuite with a testcase for each run, as JUnit's XML. */
int stress_report_junit(const struct stress_record *record, FILE *out);

/** Writes @text with what is special in XML and HTML replaced; control characters become blanks. */
void stress_report_escape(const char *text, FILE *out);

/** The picture of report_html.c: lanes, faults, frames that are out, latencies; report_picture.c. */
int stress_report_picture(const struct stress_record *record, FILE *out);
int stress_report_latencies(const struct stress_record *record, FILE *out);

#endif
