/*
 * lg_conn.c - one session: what is said, what the answer leads to
 *
 * A session sends commands until one of them is owed an answer, all in one
 * write as an MTA does, and goes on from that answer.
 */
#include "lg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65535
#define PACKET_MAX (1024 * 1024)
#define OUT_ENOUGH CHUNK /* more output than this waits for the socket */

int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
packet(struct conn *c, char letter, const void *p, size_t n)
{
	uint32_t length = htonl((uint32_t)n + 1);

	buf_add(&c->out, &length, 4);
	buf_add(&c->out, &letter, 1);
	buf_add(&c->out, p, n);
}

static void
say_negotiate(struct conn *c)
{
	uint32_t offer[3] = { htonl(SMFI_PROT_VERSION), htonl(SMFI_CURR_ACTS),
		htonl(SMFI_CURR_PROT) };

	packet(c, SMFIC_OPTNEG, offer, sizeof offer);
}

static void
say_header(struct conn *c, const struct plan *plan)
{
	static const char *const names[] = { "From", "To", "Subject", "Date",
		"Message-ID", "X-Load" };
	char line[1200];
	size_t n = c->item < 6 ? c->item : 5;
	int head = snprintf(line, sizeof line, "%s", names[n]) + 1;
	int len = snprintf(
	    line + head, 64, " %u.%u@sender.example ", c->serial, c->message);

	for (; len < (int)plan->header_bytes && len < 1000; len++)
		line[head + len] = (char)('a' + len % 26);
	line[head + len] = '\0';
	packet(c, SMFIC_HEADER, line, (size_t)(head + len) + 1);
}

static void
say_body(struct conn *c)
{
	static char text[CHUNK];
	size_t n = c->body_left < CHUNK ? c->body_left : CHUNK;

	if (text[0] == '\0')
		for (size_t i = 0; i < CHUNK; i++)
			text[i] = i % 78 == 76   ? '\r'
				  : i % 78 == 77 ? '\n'
						 : 'x';
	packet(c, SMFIC_BODY, text, n);
	c->body_left -= n;
}

static void
say_text(struct conn *c, char letter, const char *fmt)
{
	char text[128];
	int n = snprintf(
	    text, sizeof text, fmt, c->serial % 1000, c->message, c->item);

	packet(c, letter, text, (size_t)n + 1);
}

static void
say_connect(struct conn *c, const struct plan *plan)
{
	static const char head[] = "client.example.net\0"
				   "4\x9c\x41";
	char text[64];
	unsigned n = c->serial;
	int len;

	memcpy(text, head, sizeof head - 1);
	if (plan->own_address)
		len = sprintf(text + sizeof head - 1, "10.%u.%u.%u",
		    n >> 16 & 255, n >> 8 & 255, n & 255);
	else
		len = sprintf(text + sizeof head - 1, "192.0.2.1");
	packet(c, SMFIC_CONNECT, text, sizeof head - 1 + (size_t)len + 1);
}

static void
say(struct conn *c, const struct plan *plan)
{
	switch (c->step) {
	case STEP_NEGOTIATE:
		say_negotiate(c);
		return;
	case STEP_CONNECT:
		say_connect(c, plan);
		return;
	case STEP_HELO:
		say_text(c, SMFIC_HELO, "client%u.example.net");
		return;
	case STEP_MAIL:
		say_text(c, SMFIC_MAIL, "<user%u.%u@sender.example>");
		return;
	case STEP_RCPT:
		say_text(c, SMFIC_RCPT, "<rcpt%u.%u.%u@example.org>");
		return;
	case STEP_HEADER:
		say_header(c, plan);
		return;
	case STEP_BODY:
		say_body(c);
		return;
	default:
		packet(c, step_letters[c->step], "", 0);
	}
}

static void
end_session(struct conn *c, struct tally *t)
{
	c->state = CONN_DONE;
	t->sessions++;
}

static void
next_message(struct conn *c, const struct plan *plan, struct tally *t)
{
	t->messages++;
	if (++c->message >= plan->messages || plan->stop) {
		end_session(c, t);
		return;
	}
	c->step = STEP_MAIL;
	c->item = 0;
}

static void
give_up_message(struct conn *c, const struct plan *plan, struct tally *t)
{
	packet(c, SMFIC_ABORT, "", 0);
	next_message(c, plan, t);
}

/* How often the step is still to be taken in this message. */
static bool
step_again(const struct conn *c, const struct plan *plan)
{
	switch (c->step) {
	case STEP_RCPT:
		return c->item < plan->rcpts;
	case STEP_HEADER:
		return c->item < plan->headers;
	case STEP_BODY:
		return c->body_left > 0;
	default:
		return false;
	}
}

/* The step was taken and nothing stands in the way: which is next? */
static void
go_on(struct conn *c, const struct plan *plan, struct tally *t)
{
	c->item++;
	if (step_again(c, plan))
		return;
	if (c->step == STEP_EOM) {
		t->accepted++;
		next_message(c, plan, t);
		return;
	}
	if (c->step == STEP_RCPT && c->rcpts_ok == 0) {
		give_up_message(c, plan, t);
		return;
	}
	if (c->idle && c->step == plan->idle_at)
		c->state = CONN_IDLE;
	if (c->step == STEP_MAIL)
		c->rcpts_ok = 0;
	c->item = 0;
	c->step++;
	if (c->step == STEP_BODY)
		c->body_left = plan->body_bytes;
}

/*
 * Queue commands up to and with the first one that is owed an answer; pause
 * when that is much, or the body of every session would be in memory.
 */
static void
speak(struct conn *c, const struct plan *plan, struct tally *t)
{
	c->paused = false;
	while (c->state == CONN_BUSY) {
		if (c->out.len - c->out.off > OUT_ENOUGH) {
			c->paused = true;
			c->sent_at = now_ns();
			return;
		}
		bool sends = deal_sends(c->deal, c->step) &&
			     !(c->step == STEP_HEADER && plan->headers == 0) &&
			     !(c->step == STEP_BODY && c->body_left == 0);

		/* macros travel even where the command itself was declined */
		if (c->deal != NULL)
			buf_add(&c->out, c->deal->macros[c->step].p,
			    c->deal->macros[c->step].len);
		if (sends)
			say(c, plan);
		if (sends && deal_waits(c->deal, c->step)) {
			c->sent_at = now_ns();
			return;
		}
		if (c->step == STEP_RCPT)
			c->rcpts_ok++;
		if (c->step == STEP_BODY && !sends)
			c->body_left = 0;
		go_on(c, plan, t);
	}
}

static void
refused(struct conn *c, const struct plan *plan, struct tally *t, bool closes)
{
	if (closes || c->step <= STEP_HELO)
		end_session(c, t);
	else if (c->step == STEP_RCPT)
		go_on(c, plan, t);
	else if (c->step == STEP_MAIL || c->step == STEP_EOM)
		next_message(c, plan, t);
	else
		give_up_message(c, plan, t);
}

static bool
is_one_of(unsigned char letter, const char *letters)
{
	return letter != '\0' && strchr(letters, letter) != NULL;
}

/* Act on one packet from the filter; true when it answers the command. */
static bool
hear(struct conn *c, const unsigned char *p, size_t n, const struct plan *plan,
    struct tally *t)
{
	if (c->step == STEP_NEGOTIATE) {
		c->deal = deal_for(p, n, plan->sendmail);
		if (c->deal == NULL)
			conn_fail(c, t, "no answer to the negotiation");
		else
			go_on(c, plan, t);
		return true;
	}
	if (p[0] == SMFIR_PROGRESS)
		return false;
	if (c->step == STEP_EOM && is_one_of(p[0], "hiem+-2bq")) {
		t->edits++;
		return false;
	}
	t->reply[p[0]]++;
	if (p[0] == SMFIR_SKIP)
		c->body_left = 0;
	if (p[0] == SMFIR_CONTINUE || p[0] == SMFIR_SKIP) {
		c->rcpts_ok += c->step == STEP_RCPT;
		go_on(c, plan, t);
	} else if (p[0] == SMFIR_ACCEPT || p[0] == SMFIR_DISCARD) {
		t->accepted += c->step == STEP_EOM;
		if (c->step <= STEP_HELO)
			end_session(c, t);
		else
			next_message(c, plan, t);
	} else if (is_one_of(p[0], "rty")) {
		refused(c, plan, t, n > 4 && memcmp(p, "y421", 4) == 0);
	} else {
		conn_fail(c, t, "a reply that no MTA knows");
	}
	return true;
}

/* Take whole packets from what was read. */
static void
listen_to(struct conn *c, const struct plan *plan, struct tally *t)
{
	while (c->state == CONN_BUSY && c->in.len - c->in.off >= 5) {
		const unsigned char *p = c->in.p + c->in.off;
		uint32_t n;

		memcpy(&n, p, 4);
		n = ntohl(n);
		if (n == 0 || n > PACKET_MAX) {
			conn_fail(c, t, "a packet of impossible length");
			return;
		}
		if (c->in.len - c->in.off < 4 + (size_t)n)
			return;
		enum step step = c->step;
		if (hear(c, p + 4, n, plan, t)) {
			hist_add(
			    &t->lat[step], (uint64_t)(now_ns() - c->sent_at));
			if (c->state == CONN_BUSY)
				speak(c, plan, t);
		}
		buf_drop(&c->in, 4 + (size_t)n);
	}
}

static void
write_out(struct conn *c, struct tally *t)
{
	while (c->out.len > c->out.off) {
		ssize_t n = send(c->fd, c->out.p + c->out.off,
		    c->out.len - c->out.off, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			conn_fail(c, t, strerror(errno));
			return;
		}
		buf_drop(&c->out, (size_t)n);
	}
	c->writing = c->paused || c->out.len > c->out.off;
}

static void
read_in(struct conn *c, struct tally *t)
{
	ssize_t n;

	buf_reserve(&c->in, 4096);
	n = recv(c->fd, c->in.p + c->in.len, c->in.cap - c->in.len, 0);
	if (n > 0)
		c->in.len += (size_t)n;
	else if (n == 0)
		conn_fail(c, t, "the filter hung up");
	else if (errno != EAGAIN && errno != EINTR)
		conn_fail(c, t, strerror(errno));
}

void
conn_start(struct conn *c, int fd, unsigned serial, bool idle,
    const struct plan *plan, struct tally *t)
{
	memset(c, 0, sizeof *c);
	c->fd = fd;
	c->serial = serial;
	c->idle = idle;
	speak(c, plan, t);
	write_out(c, t);
}

void
conn_run(struct conn *c, const struct plan *plan, struct tally *t)
{
	read_in(c, t);
	if (c->state == CONN_BUSY)
		listen_to(c, plan, t);
	if (c->state == CONN_BUSY && c->paused && c->out.len == c->out.off)
		speak(c, plan, t);
	if (c->state != CONN_FAILED)
		write_out(c, t);
}

void
conn_fail(struct conn *c, struct tally *t, const char *why)
{
	if (t->errors++ == 0)
		snprintf(t->first_error, sizeof t->first_error,
		    "session %u, %s: %s", c->serial, step_names[c->step], why);
	c->state = CONN_FAILED;
}

void
conn_quit(struct conn *c)
{
	static const char quit[] = { 0, 0, 0, 1, SMFIC_QUIT };

	if (c->state != CONN_FAILED &&
	    send(c->fd, quit, sizeof quit, MSG_NOSIGNAL) < 0)
		c->state = CONN_FAILED;
	close(c->fd);
	free(c->in.p);
	free(c->out.p);
	c->in = c->out = (struct buf){ 0 };
}
