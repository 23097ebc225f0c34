/*
 * bare_filter.c - the smallest honest libmilter filter, to measure against
 *
 * It negotiates like a policy that looks at sender and recipient, does as
 * little as such a filter can, and lives in the same libmilter.  What kumilter
 * takes more than this is what kumilter costs.
 *
 *	bare_filter -p unix:PATH | inet:PORT@HOST [-c LIST] [-n LIST] [-wslh]
 *[-d MS]
 *
 * -c  callbacks: connect,helo,mail,rcpt,data,header,eoh,body,eom,unknown
 *     (default connect,helo,mail,rcpt); what is not there is negotiated away
 * -n  of those, the ones that are negotiated as never answering
 * -w  work: compare the sender's domain and the recipient with fixed texts
 * -s  ask for the macros that a policy would see (smfi_setsymlist)
 * -l  ask for header values with their leading space
 * -h  add one header at the end of the message, behind all others
 * -d  let the sender wait so many milliseconds
 *
 * What it is shown of a message it throws away.
 *
 * TERM stops it.  On TCP it sets TCP_NODELAY, through fd:N where libmilter
 * knows that (Debian's does).
 */
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCKED_DOMAIN "blocked.example.com"
#define BLOCKED_RCPT "<nobody@example.org>"
#define BEHIND_ALL_HEADERS 1000000

static unsigned long unwanted = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL |
				SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS |
				SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN;
static unsigned long silent;
static bool work, symbols, spaces, adds;
static struct timespec delay;

/* One row for each callback that can be chosen. */
static const struct stage {
	const char *name;
	unsigned long no, nr;
} stages[] = {
	{ "connect", SMFIP_NOCONNECT, SMFIP_NR_CONN },
	{ "helo", SMFIP_NOHELO, SMFIP_NR_HELO },
	{ "mail", SMFIP_NOMAIL, SMFIP_NR_MAIL },
	{ "rcpt", SMFIP_NORCPT, SMFIP_NR_RCPT },
	{ "data", SMFIP_NODATA, SMFIP_NR_DATA },
	{ "header", SMFIP_NOHDRS, SMFIP_NR_HDR },
	{ "eoh", SMFIP_NOEOH, SMFIP_NR_EOH },
	{ "body", SMFIP_NOBODY, SMFIP_NR_BODY },
	{ "unknown", SMFIP_NOUNKNOWN, SMFIP_NR_UNKN },
	{ "eom", 0, 0 }, /* always sent */
};

static struct {
	int stage;
	char list[128];
} symlists[] = {
	{ SMFIM_CONNECT, "j _ v {daemon_name} {daemon_addr} {daemon_port} "
			 "{client_addr} {client_name} {client_port}" },
	{ SMFIM_HELO, "{tls_version} {cipher} {cipher_bits}" },
	{ SMFIM_ENVFROM, "i {auth_type} {auth_authen} {auth_author}" },
	{ SMFIM_ENVRCPT, "i" },
};

static sfsistat
verdict(SMFICTX *ctx, unsigned long nr, bool refuse)
{
	/* libmilter's parameters are not const */
	static char code[] = "550", enhanced[] = "5.7.1", text[] = "go away";

	if (refuse && !(silent & nr)) {
		smfi_setreply(ctx, code, enhanced, text);
		return SMFIS_REJECT;
	}
	return silent & nr ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	(void)f2;
	(void)f3;
	*pf0 = f0 &
	       ((symbols ? SMFIF_SETSYMLIST : 0) | (adds ? SMFIF_ADDHDRS : 0));
	*pf1 = f1 & (unwanted | silent | (spaces ? SMFIP_HDR_LEADSPC : 0));
	*pf2 = *pf3 = 0;
	for (size_t i = 0; symbols && i < sizeof symlists / sizeof *symlists;
	     i++)
		smfi_setsymlist(ctx, symlists[i].stage, symlists[i].list);
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)host;
	(void)addr;
	return verdict(ctx, SMFIP_NR_CONN, false);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)name;
	return verdict(ctx, SMFIP_NR_HELO, false);
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	const char *at = strrchr(argv[0], '@');

	if (delay.tv_sec > 0 || delay.tv_nsec > 0)
		nanosleep(&delay, NULL);
	return verdict(ctx, SMFIP_NR_MAIL,
	    work && at != NULL &&
		strncasecmp(
		    at + 1, BLOCKED_DOMAIN, sizeof BLOCKED_DOMAIN - 1) == 0);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	return verdict(
	    ctx, SMFIP_NR_RCPT, work && strcasecmp(argv[0], BLOCKED_RCPT) == 0);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	return verdict(ctx, SMFIP_NR_DATA, false);
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *line)
{
	(void)line;
	return verdict(ctx, SMFIP_NR_UNKN, false);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)name;
	(void)value;
	return verdict(ctx, SMFIP_NR_HDR, false);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	return verdict(ctx, SMFIP_NR_EOH, false);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t n)
{
	(void)chunk;
	(void)n;
	return verdict(ctx, SMFIP_NR_BODY, false);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	static char name[] = "X-Checked", value[] = " yes";

	if (adds && smfi_insheader(ctx, BEHIND_ALL_HEADERS, name,
			spaces ? value : value + 1) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	return SMFIS_CONTINUE;
}

static void
die(const char *what, const char *which)
{
	fprintf(stderr, "bare_filter: %s: %s\n", what, which);
	exit(64);
}

/* For each stage named: clear its NO bit in *clear, set its NR bit in *set. */
static void
choose(char *list, unsigned long *clear, unsigned long *set)
{
	for (char *s = strtok(list, ","); s != NULL; s = strtok(NULL, ",")) {
		size_t i = 0, n = sizeof stages / sizeof *stages;

		while (i < n && strcmp(stages[i].name, s) != 0)
			i++;
		if (i == n)
			die("no such callback", s);
		if (clear != NULL)
			*clear &= ~stages[i].no;
		if (set != NULL)
			*set |= stages[i].nr;
	}
}

/* "inet:PORT@HOST" -> a listening socket with TCP_NODELAY */
static int
listen_tcp(const char *spec)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const char *at = strchr(spec, '@');
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	sin.sin_port = htons((uint16_t)atoi(spec + strlen("inet:")));
	if (inet_pton(
		AF_INET, at != NULL ? at + 1 : "127.0.0.1", &sin.sin_addr) != 1)
		die("not an IPv4 address", spec);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&sin, sizeof sin) != 0 ||
	    listen(fd, SOMAXCONN) != 0)
		die("cannot listen", spec);
	return fd;
}

static void
open_socket(char *spec)
{
	char fdspec[32];
	int fd;

	if (strncmp(spec, "inet:", 5) == 0) {
		fd = listen_tcp(spec);
		snprintf(fdspec, sizeof fdspec, "fd:%d", fd);
		if (smfi_setconn(fdspec) == MI_SUCCESS &&
		    smfi_opensocket(0) == MI_SUCCESS)
			return;
		close(fd);
	}
	if (smfi_setconn(spec) != MI_SUCCESS ||
	    smfi_opensocket(1) != MI_SUCCESS)
		die("cannot listen", spec);
}

static char filter_name[] = "bare_filter";
static struct smfiDesc filter = {
	.xxfi_name = filter_name,
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_SETSYMLIST | SMFIF_ADDHDRS,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_envfrom = on_mail,
	.xxfi_envrcpt = on_rcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_eoh,
	.xxfi_body = on_body,
	.xxfi_eom = on_eom,
	.xxfi_unknown = on_unknown,
	.xxfi_data = on_data,
	.xxfi_negotiate = on_negotiate,
};

static void
raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* The options about what it does beside. */
static void
take_habit(int opt)
{
	switch (opt) {
	case 'w':
		work = true;
		break;
	case 's':
		symbols = true;
		break;
	case 'l':
		spaces = true;
		break;
	case 'h':
		adds = true;
		break;
	case 'd':
		delay.tv_sec = atoi(optarg) / 1000;
		delay.tv_nsec = atoi(optarg) % 1000 * 1000000L;
		break;
	default:
		die("usage", "see the head of bare_filter.c");
	}
}

int
main(int argc, char **argv)
{
	char standard[] = "connect,helo,mail,rcpt", *spec = NULL;
	char *wanted = standard;
	int opt;

	while ((opt = getopt(argc, argv, "p:c:n:wslhd:")) != -1) {
		switch (opt) {
		case 'p':
			spec = optarg;
			break;
		case 'c':
			wanted = optarg;
			break;
		case 'n':
			choose(optarg, NULL, &silent);
			break;
		default:
			take_habit(opt);
		}
	}
	if (spec == NULL)
		die("-p is missing", "-p unix:PATH or inet:PORT@HOST");
	choose(wanted, &unwanted, NULL);
	raise_nofile();
	umask(0);
	if (smfi_register(filter) != MI_SUCCESS)
		die("smfi_register", "failed");
	open_socket(spec);
	return smfi_main() == MI_SUCCESS ? 0 : 70;
}
