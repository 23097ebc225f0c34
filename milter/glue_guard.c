/*
 * glue_guard.c - what libmilter would trip over, mended before it does
 *
 * libmilter's smfi_getsymval() walks macros in pairs of name and value and
 * runs past the end of its array when a packet held an odd number of strings
 * (read in 8.17's code, seen as a crash).  No MTA sends that, but whoever can
 * connect to a TCP listener can.  mi_rd_cmd() is a global symbol of libmilter
 * that it calls through the linker, so the one here comes first: it reads the
 * packet as ever and drops half a pair at its end.  Where a libmilter does not
 * let itself be preceded, this is never called and nothing is lost.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#define SMFIC_MACRO 'D'

typedef char *read_fn(
    int fd, struct timeval *timeout, char *command, size_t *len, char *name);

char *mi_rd_cmd(
    int fd, struct timeval *timeout, char *command, size_t *len, char *name);

static read_fn *read_command;

static void
find(void)
{
	void *symbol = dlsym(RTLD_NEXT, "mi_rd_cmd");

	/* ISO C has no cast from an object's pointer to a function's */
	memcpy(&read_command, &symbol, sizeof read_command);
}

/* A stage letter, then strings: how much of it is whole pairs? */
static size_t
whole_pairs(const char *packet, size_t len)
{
	size_t good = len > 0 ? 1 : 0, strings = 0;

	for (size_t i = 1; i < len; i++)
		if (packet[i] == '\0' && ++strings % 2 == 0)
			good = i + 1;
	return good;
}

char *
mi_rd_cmd(
    int fd, struct timeval *timeout, char *command, size_t *len, char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char *packet;

	pthread_once(&once, find);
	packet = read_command(fd, timeout, command, len, name);
	if (packet != NULL && *command == SMFIC_MACRO)
		*len = whole_pairs(packet, *len);
	return packet;
}
