/*
 * Verifies DKIM signatures with libopendkim, as verify.py does with dkimpy.
 *
 *	cc $(pkg-config --cflags opendkim) verify.c $(pkg-config --libs
 *opendkim) verify ZONE FILE...
 *
 * ZONE: lines of a name, a space and its TXT record.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dkim.h>

static u_char *
content(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	u_char *text = NULL;
	size_t n;

	*len = 0;
	do {
		text = realloc(text, *len + 65536);
		n = fread(text + *len, 1, 65536, f);
		*len += n;
	} while (n > 0);
	fclose(f);
	return text;
}

static void
say(DKIM *dkim)
{
	DKIM_SIGINFO **sig;
	int n = 0;

	if (dkim_getsiglist(dkim, &sig, &n) != DKIM_STAT_OK || n == 0)
		printf("unsigned");
	for (int i = 0; i < n; i++)
		printf("%s%s", i > 0 ? "; " : "",
		    DKIM_SIG_CHECK(sig[i])
			? "pass"
			: dkim_sig_geterrorstr(dkim_sig_geterror(sig[i])));
}

int
main(int argc, char **argv)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	dkim_query_t how = DKIM_QUERY_FILE;

	dkim_options(
	    lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &how, sizeof how);
	dkim_options(
	    lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, argv[1], strlen(argv[1]));
	for (int i = 2; i < argc; i++) {
		DKIM_STAT stat;
		DKIM *dkim = dkim_verify(lib, (u_char *)"x", NULL, &stat);
		size_t len;
		u_char *text = content(argv[i], &len);

		dkim_chunk(dkim, text, len);
		dkim_chunk(dkim, NULL, 0);
		dkim_eom(dkim, NULL);
		printf("%s: ", argv[i]);
		say(dkim);
		printf("\n");
		dkim_free(dkim);
		free(text);
	}
	dkim_close(lib);
	return 0;
}
