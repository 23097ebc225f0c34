#include "public_suffix.h"

#include <string.h>

#ifdef HAVE_PSL

#include <libpsl.h>
#include <pthread.h>

#define DOMAIN_MAX 1024 /* with U-labels; the DNS has 255 */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static psl_ctx_t *list;

static void
read_list(void)
{
	list = psl_latest(NULL);
}

/* Labels with something in them, and a string for libpsl. */
static bool
is_domain(const char *domain, size_t len)
{
	if (len == 0 || len > DOMAIN_MAX || strlen(domain) != len)
		return false;
	return domain[0] != '.' && domain[len - 1] != '.' &&
	       strstr(domain, "..") == NULL;
}

bool
public_suffix_is_built(void)
{
	return true;
}

const char *
public_suffix_of(const char *domain, size_t len)
{
	const char *suffix;

	pthread_once(&once, read_list);
	if (list == NULL || !is_domain(domain, len))
		return NULL;
	suffix = psl_unregistrable_domain(list, domain);
	return suffix != NULL ? suffix : domain;
}

const char *
public_suffix_registered(const char *domain, size_t len)
{
	pthread_once(&once, read_list);
	if (list == NULL || !is_domain(domain, len))
		return NULL;
	return psl_registrable_domain(list, domain);
}

#else

bool
public_suffix_is_built(void)
{
	return false;
}

const char *
public_suffix_of(const char *domain, size_t len)
{
	(void)domain;
	(void)len;
	return NULL;
}

const char *
public_suffix_registered(const char *domain, size_t len)
{
	(void)domain;
	(void)len;
	return NULL;
}

#endif
