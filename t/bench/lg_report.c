/*
 * lg_report.c - what was measured, for people and for programs
 */
#include "lg.h"

#include <stdio.h>

static void
report_json_latency(const struct tally *t)
{
	const char *comma = "";

	printf("},\"latency_us\":{");
	for (int s = 0; s < STEP_COUNT; s++) {
		const struct hist *h = &t->lat[s];

		if (h->n == 0)
			continue;
		printf("%s\"%s\":{\"n\":%ju,\"p50\":%.1f,\"p99\":%.1f,"
		       "\"max\":%.1f}",
		    comma, step_names[s], (uintmax_t)h->n,
		    (double)hist_quantile(h, 0.50) / 1e3,
		    (double)hist_quantile(h, 0.99) / 1e3, (double)h->max / 1e3);
		comma = ",";
	}
}

void
report_json(const struct tally *t, const struct deal *deal, double took)
{
	const char *comma = "";

	printf("{\"seconds\":%.3f,\"sessions\":%ju,\"messages\":%ju,"
	       "\"accepted\":%ju,\"edits\":%ju,\"errors\":%ju,"
	       "\"sessions_per_s\":%.1f,\"messages_per_s\":%.1f",
	    took, (uintmax_t)t->sessions, (uintmax_t)t->messages,
	    (uintmax_t)t->accepted, (uintmax_t)t->edits, (uintmax_t)t->errors,
	    (double)t->sessions / took, (double)t->messages / took);
	if (deal != NULL)
		printf(
		    ",\"actions\":%u,\"steps\":%u", deal->actions, deal->steps);
	printf(",\"replies\":{");
	for (int i = 33; i < 127; i++)
		if (t->reply[i] > 0) {
			printf(
			    "%s\"%c\":%ju", comma, i, (uintmax_t)t->reply[i]);
			comma = ",";
		}
	report_json_latency(t);
	printf("},\"first_error\":\"%s\"}\n", t->first_error);
}

void
report_table(const struct tally *t, const struct deal *deal, double took)
{
	if (deal != NULL)
		printf("filter: actions 0x%03x, steps 0x%06x\n", deal->actions,
		    deal->steps);
	printf("%ju sessions, %ju messages (%ju accepted, %ju edits) in %.3f s:"
	       " %.0f sessions/s, %.0f messages/s, %ju errors\n",
	    (uintmax_t)t->sessions, (uintmax_t)t->messages,
	    (uintmax_t)t->accepted, (uintmax_t)t->edits, took,
	    (double)t->sessions / took, (double)t->messages / took,
	    (uintmax_t)t->errors);
	printf("%-10s %10s %10s %10s %10s  (us)\n", "command", "replies", "p50",
	    "p99", "max");
	for (int s = 0; s < STEP_COUNT; s++) {
		const struct hist *h = &t->lat[s];

		if (h->n > 0)
			printf("%-10s %10ju %10.1f %10.1f %10.1f\n",
			    step_names[s], (uintmax_t)h->n,
			    (double)hist_quantile(h, 0.50) / 1e3,
			    (double)hist_quantile(h, 0.99) / 1e3,
			    (double)h->max / 1e3);
	}
	if (t->errors > 0)
		printf("first error: %s\n", t->first_error);
}
