#include "test_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text != NULL ? text : "";
}

static bool
is_ok(const struct test_job *job)
{
	return json_is_true(json_object_get(job->result, "ok"));
}

static const char *
name_of(const struct test_job *job)
{
	return job->host != NULL ? test_host_name(job->host, job->index)
				 : "the file";
}

static double
ms_of(const struct test_job *job)
{
	return json_number_value(json_object_get(job->result, "ms"));
}

/* ---- TAP ----------------------------------------------------------------- */

/* Several lines, each below the key. */
static void
add_block(struct str *out, const char *key, const char *text)
{
	if (text[0] == '\0')
		return;
	str_addf(out, "  %s: |\n", key);
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		str_adds(out, "    ");
		str_add_printable(out, text, n);
		str_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

/* '#' would begin a directive. */
static void
add_name(struct str *out, const char *name)
{
	struct str safe = { 0 };

	str_add_printable(&safe, name, strlen(name));
	for (const char *p = str_c(&safe); *p != '\0'; p++) {
		if (*p == '#' || *p == '\\')
			str_addc(out, '\\');
		str_addc(out, *p);
	}
	str_fini(&safe);
}

void
test_report_tap(struct str *out, const struct test_job *job, size_t number)
{
	str_addf(out, "%sok %zu - ", is_ok(job) ? "" : "not ", number);
	add_name(out, job->file);
	str_adds(out, ": ");
	add_name(out, name_of(job));
	str_addf(out, " # %.1f ms\n", ms_of(job));
	if (is_ok(job))
		return;
	str_adds(out, "  ---\n");
	if (text_of(job->result, "where")[0] != '\0')
		str_addf(out, "  at: %s\n", text_of(job->result, "where"));
	add_block(out, "message", text_of(job->result, "message"));
	add_block(out, "transcript", text_of(job->result, "transcript"));
	str_adds(out, "  ...\n");
}

/* ---- JUnit --------------------------------------------------------------- */

static void
add_xml(struct str *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			str_adds(out, "&amp;");
			break;
		case '<':
			str_adds(out, "&lt;");
			break;
		case '>':
			str_adds(out, "&gt;");
			break;
		case '"':
			str_adds(out, "&quot;");
			break;
		default: /* XML has no other control characters */
			str_addc(out, (unsigned char)*text >= ' ' ||
					      *text == '\n' || *text == '\t'
					  ? *text
					  : '?');
		}
}

static void
add_case(struct str *out, const struct test_job *job)
{
	str_adds(out, "  <testcase classname=\"");
	add_xml(out, job->file);
	str_adds(out, "\" name=\"");
	add_xml(out, name_of(job));
	str_addf(out, "\" time=\"%.6f\"", ms_of(job) / 1000);
	if (is_ok(job)) {
		str_adds(out, "/>\n");
		return;
	}
	str_adds(out, ">\n   <failure message=\"");
	add_xml(out, text_of(job->result, "message"));
	str_adds(out, "\">");
	add_xml(out, text_of(job->result, "where"));
	str_adds(out, "\n");
	add_xml(out, text_of(job->result, "transcript"));
	str_adds(out, "</failure>\n  </testcase>\n");
}

/* The tests of one file are behind each other. */
static size_t
add_suite(struct str *out, const struct test_job *job, size_t n)
{
	size_t of = 0, failed = 0;
	double ms = 0;

	while (of < n && strcmp(job[of].file, job[0].file) == 0) {
		failed += !is_ok(&job[of]);
		ms += ms_of(&job[of++]);
	}
	str_adds(out, " <testsuite name=\"");
	add_xml(out, job[0].file);
	str_addf(out, "\" tests=\"%zu\" failures=\"%zu\" time=\"%.6f\">\n", of,
	    failed, ms / 1000);
	for (size_t i = 0; i < of; i++)
		add_case(out, &job[i]);
	str_adds(out, " </testsuite>\n");
	return of;
}

void
test_report_junit(struct str *out, const struct test_job *job, size_t n)
{
	str_adds(
	    out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	for (size_t i = 0; i < n;)
		i += add_suite(out, job + i, n - i);
	str_adds(out, "</testsuites>\n");
}

/* ---- coverage ------------------------------------------------------------ */

json_t *
test_report_merge(const struct test_job *job, size_t n)
{
	json_t *all = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *lines, *count;
		const char *file, *line;

		json_object_foreach (
		    json_object_get(job[i].result, "cover"), file, lines) {
			json_t *sum = json_object_get(all, file);

			if (sum == NULL) {
				sum = json_object();
				json_object_set_new(all, file, sum);
			}
			json_object_foreach (lines, line, count)
				json_object_set_new(sum, line,
				    json_integer(
					json_integer_value(count) +
					json_integer_value(
					    json_object_get(sum, line))));
		}
	}
	return all;
}

static json_int_t
count_of(const json_t *counts, json_int_t line)
{
	char key[24];

	snprintf(key, sizeof key, "%lld", (long long)line);
	return json_integer_value(json_object_get(counts, key));
}

static void
add_lcov(struct str *out, const char *file, const json_t *counts,
    const json_t *lines, size_t hit)
{
	json_t *line;
	size_t i;

	str_addf(out, "TN:\nSF:%s\n", file);
	json_array_foreach (lines, i, line)
		str_addf(out, "DA:%lld,%lld\n",
		    (long long)json_integer_value(line),
		    (long long)count_of(counts, json_integer_value(line)));
	str_addf(out, "LF:%zu\nLH:%zu\nend_of_record\n", json_array_size(lines),
	    hit);
}

/* "12-14, 20": runs of lines that did not run, past those without code. */
static void
add_missed(struct str *out, const json_t *counts, const json_t *lines)
{
	json_int_t from = 0, to = 0;
	const char *comma = "; not run: ";
	json_t *line;
	size_t i, n = json_array_size(lines);

	json_array_foreach (lines, i, line) {
		json_int_t at = json_integer_value(line);
		bool missed = count_of(counts, at) == 0;

		if (missed) {
			from = from != 0 ? from : at;
			to = at;
		}
		if (from == 0 || (missed && i + 1 < n))
			continue;
		str_addf(out, "%s%lld", comma, (long long)from);
		if (to > from)
			str_addf(out, "-%lld", (long long)to);
		comma = ", ";
		from = 0;
	}
}

static void
add_summary(struct str *out, const char *file, const json_t *counts,
    const json_t *lines, size_t hit)
{
	size_t n = json_array_size(lines);

	str_addf(out, "# %s: %.1f %% of lines (%zu of %zu)", file,
	    n > 0 ? 100.0 * (double)hit / (double)n : 100.0, hit, n);
	add_missed(out, counts, lines);
	str_addc(out, '\n');
}

void
test_report_coverage(
    struct str *out, struct test_host *host, json_t *cover, bool lcov)
{
	const char *file;
	json_t *counts, *line;

	json_object_foreach (cover, file, counts) {
		json_t *lines = test_host_lines(host, file);
		size_t i, hit = 0;

		if (lines == NULL)
			continue;
		json_array_foreach (lines, i, line)
			hit += count_of(counts, json_integer_value(line)) > 0;
		(lcov ? add_lcov : add_summary)(out, file, counts, lines, hit);
		json_decref(lines);
	}
}
