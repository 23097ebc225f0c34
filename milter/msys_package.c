#include "msys_package.h"

#include <stddef.h>
#include <string.h>

/* Those outside msys.* */
static const char *const others[] = {
	"msys",
	"json",
	"xml",
	"curl",
	"thread",
	"strict",
	"opendkim.dkim",
	"pcre",
	"strict",
};

/* msys.* that exist: the rest is a misspelling, which is told. */
static const char *const packages[] = {
	"core",
	"extended.message",
	"extended.vctx",
	"extended.ac",
	"extended.message_routing",
	"extended.httpsrv",
	"adaptive",
	"aggregator",
	"apn",
	"audit",
	"audit_series",
	"av",
	"base64",
	"boot",
	"bounce",
	"brightmail",
	"cidr",
	"cloudmark",
	"commtouch",
	"counter",
	"datasource",
	"db",
	"delivery",
	"dumper",
	"expurgate",
	"gauge_cache",
	"gcm",
	"getopt",
	"http.client",
	"httpclnt",
	"httpsrv",
	"idn",
	"message_scope",
	"mms",
	"mobility",
	"mstore",
	"os",
	"pbp",
	"pcre",
	"policyeditor",
	"qp",
	"rfc3464",
	"sign.dk",
	"smpp",
	"strict",
	"symantec_beik",
	"threadpool",
	"timer",
	"validate.dk",
	"validate.dkim",
	"validate.dkim2",
	"validate.opendkim",
	"xmpp",
};

static bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

bool
msys_package_is(const char *name)
{
	if (strncmp(name, "msys.", 5) == 0)
		return among(
		    name + 5, packages, sizeof packages / sizeof *packages);
	return among(name, others, sizeof others / sizeof *others);
}
