#include "fuzz.h"

#include "milter/rbldnsd.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETWORKS 5000

/* What is listed has a value without control characters. */
static void
look_up(const struct cidr_map *map, int family, uint8_t byte)
{
	struct ip ip = { .family = family };
	struct str out = { 0 };
	const char *value;
	size_t len;

	memset(ip.bytes, byte, family == AF_INET ? 4 : 16);
	value = cidr_map_lookup(map, &ip, &len);
	if (value == NULL)
		return;
	must(len == strlen(value) && len < RBLDNSD_LINE_MAX);
	for (size_t i = 0; i < len; i++)
		must((unsigned char)value[i] >= ' ' || value[i] == '\t');
	rbldnsd_interpolate(&out, value, len, &ip);
	str_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, NETWORKS);
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct str complaints = { 0 };
	struct cidr_map *map;
	char path[32];
	struct err err;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (rbldnsd_load(b, path, RBLDNSD_TXT, &complaints, &err) != 0)
		must(err.msg[0] != '\0');
	must(cidr_build_n(b) <= NETWORKS);
	must(complaints.len < 65536);
	map = cidr_build_done(b);
	for (int byte = 0; byte < 256; byte += 5) {
		look_up(map, AF_INET, (uint8_t)byte);
		look_up(map, AF_INET6, (uint8_t)byte);
	}
	cidr_map_unref(map);
	str_fini(&complaints);
	close(fd);
	return 0;
}
