/*
 * dns_server.h - a nameserver for one test, on 127.0.0.1
 *
 * A table says what it answers, on UDP and TCP.  A name that is not in the
 * table does not exist.  Words of an answer:
 *   A 192.0.2.1 | AAAA ::1 | NS name | PTR name | CNAME name | MX 10 name
 *   TXT text,text (strings; '_' is a space) | RAW type hex-of-the-data
 *   SERVFAIL, REFUSED, NODATA, SILENT, GARBAGE, SHORT (cut off), LIAR (the
 *   answer of another question), TC (full only over TCP), MANY n (A records)
 *   HOLD n (no answer before n such questions are here)
 */
#ifndef KUMILTER_UNIT_DNS_SERVER_H
#define KUMILTER_UNIT_DNS_SERVER_H

#include "milter/err.h"
#include "milter/str.h"
#include "milter/xmalloc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct dns_row {
	const char *name, *answer[6];
};

#define DNS_HELD_MAX 1024

struct dns_server {
	const struct dns_row *rows;
	size_t n_rows;
	int udp, tcp, tube[2], port;
	char address[32]; /* "127.0.0.1:PORT" */
	pthread_t thread;
	atomic_int questions;
	struct {
		struct str reply;
		struct sockaddr_in from;
		char name[256];
	} held[DNS_HELD_MAX];
	int n_held, n_names;
};

struct dns_asked {
	const unsigned char *packet;
	size_t len, question_end;
	char name[256];
	int type;
	bool over_tcp;
};

static inline void
dns_put16(struct str *s, unsigned n)
{
	str_addc(s, (char)(n >> 8));
	str_addc(s, (char)n);
}

static inline void
dns_put_name(struct str *s, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		str_addc(s, (char)n);
		str_add(s, name, n);
		name += n + (name[n] == '.');
	}
	str_addc(s, '\0');
}

static inline void
dns_put_strings(struct str *s, const char *text)
{
	for (;;) {
		size_t n = strcspn(text, ",");

		str_addc(s, (char)n);
		for (size_t i = 0; i < n; i++)
			str_addc(s, (char)(text[i] == '_' ? ' ' : text[i]));
		if (text[n] == '\0')
			return;
		text += n + 1;
	}
}

static inline void
dns_put_hex(struct str *s, const char *hex)
{
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		str_addc(s, (char)byte);
}

/* A record's data and its type; 0: it is no record. */
static inline int
dns_put_data(struct str *s, const char *answer)
{
	static const struct {
		const char *word;
		int type;
	} words[] = { { "A", 1 }, { "NS", 2 }, { "CNAME", 5 }, { "PTR", 12 },
		{ "MX", 15 }, { "TXT", 16 }, { "AAAA", 28 }, { "RAW", 0 } };
	char word[16] = "", rest[600] = "";
	unsigned char ip[16];
	int type = -1, at = 0;

	sscanf(answer, "%15s %599[^\n]", word, rest);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, word) == 0)
			type = words[i].type;
	switch (type) {
	case -1:
		return 0;
	case 0:
		sscanf(rest, "%d %n", &type, &at);
		dns_put_hex(s, rest + at);
		break;
	case 1:
	case 28:
		inet_pton(type == 1 ? AF_INET : AF_INET6, rest, ip);
		str_add(s, ip, type == 1 ? 4 : 16);
		break;
	case 15:
		sscanf(rest, "%*d %n", &at);
		dns_put16(s, (unsigned)atoi(rest));
		dns_put_name(s, rest + at);
		break;
	case 16:
		dns_put_strings(s, rest);
		break;
	default:
		dns_put_name(s, rest);
	}
	return type;
}

static inline void
dns_put_record(struct str *out, const char *owner, int type, struct str *data)
{
	dns_put_name(out, owner);
	dns_put16(out, (unsigned)type);
	dns_put16(out, 1);
	dns_put16(out, 0);
	dns_put16(out, 60);
	dns_put16(out, (unsigned)data->len);
	str_add(out, data->data, data->len);
}

static inline void
dns_put_head(
    struct str *out, const struct dns_asked *q, unsigned flags, int answers)
{
	str_add(out, q->packet, 2);
	dns_put16(out, 0x8180 | flags);
	dns_put16(out, 1);
	dns_put16(out, (unsigned)answers);
	dns_put16(out, 0);
	dns_put16(out, 0);
	str_add(out, q->packet + 12, q->question_end - 12);
}

/* Records of the row, those behind its CNAME with the owner they have. */
static inline int
dns_put_answers(
    struct str *out, const struct dns_asked *q, const struct dns_row *row)
{
	const char *owner = q->name;
	int n = 0;

	for (size_t i = 0; i < 6 && row->answer[i] != NULL; i++) {
		struct str data = { 0 };
		int type = dns_put_data(&data, row->answer[i]);

		if (type == q->type || type == 5) {
			dns_put_record(out, owner, type, &data);
			n++;
		}
		if (type == 5)
			owner = row->answer[i] + strlen("CNAME ");
		str_fini(&data);
	}
	return n;
}

static inline int
dns_put_many(struct str *out, const struct dns_asked *q, int n)
{
	for (int i = 0; i < n; i++) {
		struct str data = { 0 };

		dns_put16(&data, 0x0a00);
		dns_put16(&data, (unsigned)i);
		dns_put_record(out, q->name, 1, &data);
		str_fini(&data);
	}
	return n;
}

static inline bool
dns_row_says(const struct dns_row *row, const char *word)
{
	return row != NULL && row->answer[0] != NULL &&
	       strncmp(row->answer[0], word, strlen(word)) == 0;
}

static inline void
dns_reply(struct str *out, const struct dns_asked *q, const struct dns_row *row)
{
	struct str answers = { 0 };
	bool full = q->over_tcp ||
		    !(dns_row_says(row, "TC") || dns_row_says(row, "MANY"));
	unsigned flags = row == NULL                     ? 3
			 : dns_row_says(row, "SERVFAIL") ? 2
			 : dns_row_says(row, "REFUSED")  ? 5
			 : !full                         ? 0x200
							 : 0;
	int n = 0;

	if (full && dns_row_says(row, "MANY"))
		n = dns_put_many(&answers, q, atoi(row->answer[0] + 5));
	else if (full && row != NULL)
		n = dns_put_answers(&answers, q, row);
	dns_put_head(out, q, flags, n);
	str_add(out, answers.data, answers.len);
	str_fini(&answers);
	if (dns_row_says(row, "GARBAGE"))
		for (size_t i = 2; i < out->len; i++)
			out->data[i] = (char)(i * 37);
	if (dns_row_says(row, "SHORT"))
		out->len -= 7;
	if (dns_row_says(row, "LIAR"))
		out->data[13]++;
}

static inline const struct dns_row *
dns_find(const struct dns_server *s, const char *name)
{
	for (size_t i = 0; i < s->n_rows; i++)
		if (strcasecmp(s->rows[i].name, name) == 0)
			return &s->rows[i];
	return NULL;
}

static inline bool
dns_read(struct dns_asked *q, const unsigned char *packet, size_t len)
{
	size_t at = 12, out = 0;

	*q = (struct dns_asked){ .packet = packet, .len = len };
	while (at < len && packet[at] != 0 && at + packet[at] + 5 < len) {
		if (out > 0)
			q->name[out++] = '.';
		memcpy(q->name + out, packet + at + 1, packet[at]);
		out += packet[at];
		at += packet[at] + 1u;
	}
	q->question_end = at + 5;
	if (len < 17 || q->question_end > len)
		return false;
	q->type = packet[at + 1] << 8 | packet[at + 2];
	return true;
}

static inline void
dns_send_held(struct dns_server *s)
{
	for (int i = 0; i < s->n_held; i++) {
		sendto(s->udp, s->held[i].reply.data, s->held[i].reply.len, 0,
		    (void *)&s->held[i].from, sizeof s->held[i].from);
		str_fini(&s->held[i].reply);
	}
	s->n_held = 0;
}

/* A question that was asked again counts once, and gets both its answers. */
static inline void
dns_hold(struct dns_server *s, const struct dns_asked *q, struct str *reply,
    const struct sockaddr_in *from, int wanted)
{
	bool again = false;

	for (int i = 0; i < s->n_held; i++)
		again = again || strcmp(s->held[i].name, q->name) == 0;
	must(s->n_held < DNS_HELD_MAX);
	s->held[s->n_held].reply = *reply;
	s->held[s->n_held].from = *from;
	snprintf(
	    s->held[s->n_held].name, sizeof s->held[0].name, "%s", q->name);
	*reply = (struct str){ 0 };
	s->n_held++;
	s->n_names += !again;
	if (s->n_names >= wanted)
		dns_send_held(s);
}

static inline void
dns_serve_udp(struct dns_server *s)
{
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	unsigned char packet[4096];
	ssize_t n =
	    recvfrom(s->udp, packet, sizeof packet, 0, (void *)&from, &size);
	const struct dns_row *row;
	struct str reply = { 0 };
	struct dns_asked q;

	if (n <= 0 || !dns_read(&q, packet, (size_t)n))
		return;
	atomic_fetch_add(&s->questions, 1);
	row = dns_find(s, q.name);
	if (strncmp(q.name, "held", 4) == 0)
		row = dns_find(s, "held");
	if (dns_row_says(row, "SILENT"))
		return;
	dns_reply(&reply, &q, row);
	if (dns_row_says(row, "HOLD"))
		dns_hold(s, &q, &reply, &from, atoi(row->answer[0] + 5));
	else
		sendto(s->udp, reply.data, reply.len, 0, (void *)&from, size);
	str_fini(&reply);
}

static inline bool
dns_read_all(int fd, void *into, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, (char *)into + done, n - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static inline void
dns_serve_tcp(struct dns_server *s)
{
	int fd = accept(s->tcp, NULL, NULL);
	struct timeval patience = { 5, 0 };
	unsigned char packet[65536], head[2];
	struct str reply = { 0 }, framed = { 0 };
	struct dns_asked q;
	size_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (dns_read_all(fd, head, 2)) {
		n = (size_t)head[0] << 8 | head[1];
		if (dns_read_all(fd, packet, n) && dns_read(&q, packet, n)) {
			q.over_tcp = true;
			dns_reply(&reply, &q, dns_find(s, q.name));
			dns_put16(&framed, (unsigned)reply.len);
			str_add(&framed, reply.data, reply.len);
			for (size_t done = 0; done < framed.len;) {
				ssize_t w = send(fd, framed.data + done,
				    framed.len - done, MSG_NOSIGNAL);
				if (w <= 0)
					break;
				done += (size_t)w;
			}
		}
	}
	close(fd);
	str_fini(&reply);
	str_fini(&framed);
}

static inline void *
dns_serve(void *arg)
{
	struct dns_server *s = arg;

	for (;;) {
		struct pollfd fds[] = { { s->tube[0], POLLIN, 0 },
			{ s->udp, POLLIN, 0 }, { s->tcp, POLLIN, 0 } };

		poll(fds, 3, -1);
		if (fds[0].revents != 0)
			return NULL;
		if (fds[1].revents != 0)
			dns_serve_udp(s);
		if (fds[2].revents != 0)
			dns_serve_tcp(s);
	}
}

/* Both sockets on one free port. */
static inline bool
dns_bind(struct dns_server *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof in;
	int room = 1 << 20;

	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	must(bind(s->tcp, (void *)&in, size) == 0);
	getsockname(s->tcp, (void *)&in, &size);
	s->port = ntohs(in.sin_port);
	if (bind(s->udp, (void *)&in, size) == 0 && listen(s->tcp, 64) == 0)
		return true;
	close(s->udp);
	close(s->tcp);
	return false;
}

static inline struct dns_server *
dns_server_start(const struct dns_row *rows, size_t n)
{
	struct dns_server *s = xcalloc(1, sizeof *s);

	s->rows = rows;
	s->n_rows = n;
	while (!dns_bind(s))
		;
	must(pipe2(s->tube, O_CLOEXEC) == 0);
	snprintf(s->address, sizeof s->address, "127.0.0.1:%d", s->port);
	must(pthread_create(&s->thread, NULL, dns_serve, s) == 0);
	return s;
}

static inline void
dns_server_stop(struct dns_server *s)
{
	must(write(s->tube[1], "x", 1) == 1);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < s->n_held; i++)
		str_fini(&s->held[i].reply);
	close(s->udp);
	close(s->tcp);
	close(s->tube[0]);
	close(s->tube[1]);
	free(s);
}

#endif
