/*
 * prometheus.h - a status in Prometheus' text format, version 0.0.4
 *
 * Names begin with kumilter_; those of the process are what they are with
 * other programs.  kumilter-metrics(7) lists them.
 */
#ifndef KUMILTER_PROMETHEUS_H
#define KUMILTER_PROMETHEUS_H

#include "str.h"

#include <jansson.h>

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What status_json() gave. */
void prometheus_print(struct str *out, const json_t *status);

#endif
