/*
 * lg.h - the parts of loadgen
 *
 * loadgen plays the MTA.  A conn is one SMTP session as a filter sees it; a
 * deal is what one filter asked for when it negotiated, kept once for all
 * conns that got the same; a hist counts durations; a tally is the sum of it
 * all.  Everything runs in one thread.
 */
#ifndef LG_H
#define LG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIST_BUCKETS 2048

/* Durations in ns, kept to 3 %. */
struct hist {
	uint64_t n, max, bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t ns);
uint64_t hist_quantile(const struct hist *h, double q); /* 0 when empty */

struct buf {
	unsigned char *p;
	size_t len, cap, off; /* bytes [off, len) are still to be used */
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_reserve(struct buf *b, size_t more);
void buf_drop(struct buf *b, size_t n); /* the first n bytes are done with */

/* What an MTA sends, in order. */
enum step {
	STEP_NEGOTIATE,
	STEP_CONNECT,
	STEP_HELO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_HEADER,
	STEP_EOH,
	STEP_BODY,
	STEP_EOM,
	STEP_COUNT,
};

extern const char *const step_names[STEP_COUNT];
extern const char step_letters[STEP_COUNT + 1];

struct deal {
	unsigned char *answer; /* the filter's 'O' packet, as it came */
	size_t len;
	uint32_t version, actions, steps;
	struct buf macros[STEP_COUNT]; /* packets, ready to send */
	struct deal *next;
};

/* The deal for this answer; NULL when it is no answer to a negotiation. */
const struct deal *deal_for(const unsigned char *p, size_t n, bool sendmail);
bool deal_sends(const struct deal *d, enum step s);
bool deal_waits(const struct deal *d, enum step s);

struct plan {
	unsigned messages, rcpts, headers, header_bytes, body_bytes;
	enum step idle_at; /* where idle sessions stay: after this step */
	bool sendmail;
	bool own_address; /* 10.0.0.0 and the session's number */
	bool stop;        /* end sessions after the message they are in */
};

struct tally {
	uint64_t sessions, messages, accepted, edits;
	uint64_t errors;
	uint64_t reply[256]; /* by the letter of the reply */
	struct hist lat[STEP_COUNT];
	char first_error[160];
};

enum conn_state { CONN_BUSY, CONN_IDLE, CONN_DONE, CONN_FAILED };

struct conn {
	int fd;
	enum conn_state state;
	enum step step;
	bool idle;    /* stop after plan.idle_at and stay */
	bool paused;  /* there is more to say, once the output is out */
	bool writing; /* wants to hear when the socket takes more */
	unsigned serial, message, item, rcpts_ok;
	size_t body_left;
	int64_t sent_at; /* when the command that is waited for was sent */
	const struct deal *deal;
	struct buf in, out;
};

int64_t now_ns(void);

/* Say the first thing.  fd: connected and non-blocking; the conn closes it. */
void conn_start(struct conn *c, int fd, unsigned serial, bool idle,
    const struct plan *plan, struct tally *t);
/* The socket is ready: read, write, go as far as it goes. */
void conn_run(struct conn *c, const struct plan *plan, struct tally *t);
/* One error: counted, the first one kept in words. */
void conn_fail(struct conn *c, struct tally *t, const char *why);
void conn_quit(struct conn *c); /* say QUIT, close, free */

/* deal: what the filter asked for last; NULL when it was never heard. */
void report_json(const struct tally *t, const struct deal *deal, double took);
void report_table(const struct tally *t, const struct deal *deal, double took);

#endif
