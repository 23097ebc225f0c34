/*
 * slow_dns.c - a nameserver that is far away
 *
 *	slow_dns MS
 *
 * Prints its port on 127.0.0.1.  No name exists for it; it says so MS
 * milliseconds after it was asked, in one thread, to as many as ask.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HELD_MAX 65536
#define PACKET_MAX 512
#define HEADER 12

static struct held {
	struct sockaddr_in from;
	size_t len;
	int64_t at; /* when to answer */
	unsigned char packet[PACKET_MAX];
} held[HELD_MAX];
static unsigned first, behind; /* of them; they wrap around */

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The question itself: what came behind it (EDNS) goes. */
static size_t
question_end(const unsigned char *p, size_t len)
{
	size_t at = HEADER;

	while (at < len && p[at] != 0)
		at += p[at] + 1U;
	at += 1 + 4;
	return at <= len ? at : 0;
}

static void
hear(int fd, int64_t delay)
{
	for (;;) {
		struct held *h = &held[behind % HELD_MAX];
		socklen_t size = sizeof h->from;
		ssize_t n;

		if (behind - first == HELD_MAX)
			return;
		n = recvfrom(fd, h->packet, PACKET_MAX, MSG_DONTWAIT,
		    (struct sockaddr *)&h->from, &size);
		if (n < 0)
			return;
		h->len = n > HEADER ? question_end(h->packet, (size_t)n) : 0;
		h->at = now_ns() + delay;
		if (h->len != 0)
			behind++;
	}
}

static void
answer(int fd)
{
	for (; first != behind; first++) {
		struct held *h = &held[first % HELD_MAX];

		if (h->at > now_ns())
			return;
		h->packet[2] = 0x85; /* an answer, authoritative */
		h->packet[3] = 0x83; /* no such name */
		memset(h->packet + 6, 0, 6);
		sendto(fd, h->packet, h->len, 0, (struct sockaddr *)&h->from,
		    sizeof h->from);
	}
}

int
main(int argc, char **argv)
{
	int64_t delay = (argc > 1 ? atoi(argv[1]) : 50) * INT64_C(1000000);
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (bind(fd, (struct sockaddr *)&in, size) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &size) != 0) {
		perror("slow_dns");
		return 1;
	}
	printf("%d\n", ntohs(in.sin_port));
	fflush(stdout);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = 0;
		struct timespec t;

		if (first != behind)
			left = held[first % HELD_MAX].at - now_ns();
		left = left > 0 ? left : 0;
		t.tv_sec = left / 1000000000;
		t.tv_nsec = left % 1000000000;
		ppoll(&p, 1, first != behind ? &t : NULL, NULL);
		hear(fd, delay);
		answer(fd);
	}
}
