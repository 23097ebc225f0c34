#include "cidr_query.h"

#include "datasource.h"
#include "ip_count.h"
#include "sqlite_pool.h"

#include <stdlib.h>
#include <string.h>

/* The number of the column, -1 for none of that name. */
static long
column_of(const struct sqlite_result *r, const char *column)
{
	char *end;
	long n;

	for (size_t i = 0; i < r->n_columns; i++)
		if (strcmp(r->column[i], column) == 0)
			return (long)i;
	n = strtol(column, &end, 10);
	if (column[0] == '\0' || *end != '\0' || n < 1 ||
	    (size_t)n > r->n_columns)
		return -1;
	return n - 1;
}

static int
add_row(struct cidr_build *b, const struct sqlite_value *net,
    const struct sqlite_value *value, struct err *err)
{
	const char *text =
	    value != NULL && value->type != SQLITE_IS_NULL ? value->text : "";
	struct cidr parsed;

	if (net->type == SQLITE_IS_NULL)
		return err_set(err, "no network");
	if (net->text[0] == '/')
		return err_set(err, "\"%s\" is no network", net->text);
	if (ip_count_net(&parsed, net->text, NULL, err) != 0)
		return -1;
	return cidr_build_add(
	    b, &parsed, text, text[0] != '\0' ? value->len : 0, err);
}

static int
add_rows(struct cidr_build *b, const struct sqlite_result *r,
    const struct cidr_query *q, struct str *complaints, struct err *err)
{
	long net = 0, value = -1;
	size_t bad = 0;
	struct err why;

	if (q->cidr_column != NULL)
		net = column_of(r, q->cidr_column);
	if (q->value_column != NULL)
		value = column_of(r, q->value_column);
	if (r->n_columns == 0 || net < 0 ||
	    (q->value_column != NULL && value < 0))
		return err_set(err, "no column \"%s\"",
		    net < 0                                ? q->cidr_column
		    : value < 0 && q->value_column != NULL ? q->value_column
							   : "1");
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct sqlite_value *row = &r->value[i * r->n_columns];

		if (add_row(b, &row[net], value < 0 ? NULL : &row[value],
			&why) == 0)
			continue;
		if (cidr_build_n(b) >= cidr_build_max(b))
			return err_set(err, "%s", why.msg);
		if (bad++ < CIDR_QUERY_COMPLAINTS)
			str_addf(complaints, "row %zu: %s\n", i + 1, why.msg);
	}
	if (bad > CIDR_QUERY_COMPLAINTS)
		str_addf(complaints, "%zu more rows that cannot be read\n",
		    bad - CIDR_QUERY_COMPLAINTS);
	return 0;
}

/* The first database that can be asked; the others are for when it cannot. */
static int
ask(const struct cidr_query *q, int64_t deadline, struct sqlite_result *r,
    struct err *err)
{
	struct sqlite_query query = { .sql = q->sql, .len = strlen(q->sql) };
	int rc = 1;

	err_set(err, "no such datasource");
	for (size_t i = 0; rc > 0 && i < json_array_size(q->uris); i++) {
		const char *uri = json_string_value(json_array_get(q->uris, i));

		if (datasource_sqlite(uri) != NULL)
			rc = sqlite_pool_run(
			    datasource_sqlite(uri), &query, deadline, r, err);
		else
			err_set(err, "built without %.*s",
			    (int)strcspn(uri, ":"), uri);
	}
	return rc == 0 ? 0 : -1;
}

int
cidr_query_load(struct cidr_build *b, const struct cidr_query *q,
    int64_t deadline, struct str *complaints, struct err *err)
{
	struct sqlite_result r = { 0 };
	int rc = ask(q, deadline, &r, err);

	if (rc == 0)
		rc = add_rows(b, &r, q, complaints, err);
	sqlite_result_fini(&r);
	return rc;
}
