#include "redis_command.h"

#include "xmalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- words -------------------------------------------------------------- */

int
redis_command_add(
    struct redis_command *c, const void *p, size_t len, struct err *err)
{
	if (c->n == REDIS_WORDS_MAX)
		return err_set(err, "a command of more than %d arguments",
		    REDIS_WORDS_MAX);
	if (len > REDIS_COMMAND_MAX || c->bytes.len > REDIS_COMMAND_MAX - len)
		return err_set(err, "a command of more than %d MiB",
		    (int)(REDIS_COMMAND_MAX >> 20));
	if (c->n == c->cap) {
		c->cap = c->cap != 0 ? c->cap * 2 : 8;
		c->end = xrealloc(c->end, c->cap * sizeof *c->end);
	}
	if (len > 0)
		str_add(&c->bytes, p, len);
	c->end[c->n++] = c->bytes.len;
	return 0;
}

void
redis_command_words(struct redis_command *c, const char *words)
{
	while (*words != '\0') {
		size_t len = strcspn(words, " ");

		must(redis_command_add(c, words, len, NULL) == 0);
		words += len + (words[len] == ' ');
	}
}

void
redis_command_fini(struct redis_command *c)
{
	str_fini(&c->bytes);
	free(c->end);
	*c = (struct redis_command){ 0 };
}

const char *
redis_command_word(const struct redis_command *c, size_t i, size_t *len)
{
	size_t begin = i > 0 ? c->end[i - 1] : 0;

	must(i < c->n);
	*len = c->end[i] - begin;
	return str_c(&c->bytes) + begin;
}

bool
redis_command_is(const struct redis_command *c, size_t i, const char *word)
{
	const char *mine;
	size_t len;

	if (i >= c->n)
		return false;
	mine = redis_command_word(c, i, &len);
	return len == strlen(word) && strncasecmp(mine, word, len) == 0;
}

void
redis_command_write(const struct redis_command *c, struct str *out)
{
	str_reserve(out, c->bytes.len + c->n * 16 + 16);
	str_addf(out, "*%zu\r\n", c->n);
	for (size_t i = 0; i < c->n; i++) {
		size_t len;
		const char *word = redis_command_word(c, i, &len);

		str_addf(out, "$%zu\r\n", len);
		if (len > 0)
			str_add(out, word, len);
		str_add(out, "\r\n", 2);
	}
}

/* ---- what is known of commands ------------------------------------------ */

/* They outlast the command, or answer more than once. */
static const char *const refused[] = { "AUTH", "ASKING", "DISCARD", "EXEC",
	"HELLO", "MONITOR", "MULTI", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE",
	"QUIT", "READONLY", "READWRITE", "REPLCONF", "RESET", "SELECT",
	"SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE",
	"UNWATCH", "WATCH", NULL };

/* Of CLIENT. */
static const char *const refused_client[] = { "CACHING", "NO-EVICT", "NO-TOUCH",
	"PAUSE", "REPLY", "SETINFO", "SETNAME", "TRACKING", NULL };

static const char *const keyless[] = { "ACL", "BGREWRITEAOF", "BGSAVE",
	"CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "ECHO", "FAILOVER",
	"FLUSHALL", "FLUSHDB", "FUNCTION", "INFO", "KEYS", "LASTSAVE",
	"LATENCY", "LOLWUT", "MODULE", "PING", "PUBLISH", "PUBSUB", "RANDOMKEY",
	"ROLE", "SAVE", "SCAN", "SCRIPT", "SHUTDOWN", "SLOWLOG", "TIME", "WAIT",
	"WAITAOF", NULL };

/* Where the first key is; 0: as numkeys says, behind it. */
static const struct {
	const char *name;
	size_t key, numkeys;
} places[] = {
	{ "BITOP", 2, 0 },
	{ "BLMPOP", 0, 2 },
	{ "BZMPOP", 0, 2 },
	{ "DEBUG", 2, 0 },
	{ "EVAL", 0, 2 },
	{ "EVALSHA", 0, 2 },
	{ "EVALSHA_RO", 0, 2 },
	{ "EVAL_RO", 0, 2 },
	{ "FCALL", 0, 2 },
	{ "FCALL_RO", 0, 2 },
	{ "LMPOP", 0, 1 },
	{ "MEMORY", 2, 0 },
	{ "OBJECT", 2, 0 },
	{ "SINTERCARD", 0, 1 },
	{ "XGROUP", 2, 0 },
	{ "XINFO", 2, 0 },
	{ "ZDIFF", 0, 1 },
	{ "ZINTER", 0, 1 },
	{ "ZINTERCARD", 0, 1 },
	{ "ZMPOP", 0, 1 },
	{ "ZUNION", 0, 1 },
};

static const char *const reading[] = { "BITCOUNT", "BITFIELD_RO", "BITPOS",
	"DBSIZE", "DUMP", "EVALSHA_RO", "EVAL_RO", "EXISTS", "EXPIRETIME",
	"FCALL_RO", "GEODIST", "GEOHASH", "GEOPOS", "GEORADIUSBYMEMBER_RO",
	"GEORADIUS_RO", "GEOSEARCH", "GET", "GETBIT", "GETRANGE", "HEXISTS",
	"HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HRANDFIELD", "HSCAN",
	"HSTRLEN", "HVALS", "KEYS", "LCS", "LINDEX", "LLEN", "LPOS", "LRANGE",
	"MGET", "PEXPIRETIME", "PFCOUNT", "PTTL", "RANDOMKEY", "SCAN", "SCARD",
	"SDIFF", "SINTER", "SINTERCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER",
	"SORT_RO", "SRANDMEMBER", "SSCAN", "STRLEN", "SUBSTR", "SUNION", "TTL",
	"TYPE", "XLEN", "XPENDING", "XRANGE", "XREAD", "XREVRANGE", "ZCARD",
	"ZCOUNT", "ZDIFF", "ZINTER", "ZINTERCARD", "ZLEXCOUNT", "ZMSCORE",
	"ZRANDMEMBER", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK",
	"ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN",
	"ZSCORE", "ZUNION", NULL };

static bool
among(const struct redis_command *c, size_t i, const char *const *list)
{
	for (; *list != NULL; list++)
		if (redis_command_is(c, i, *list))
			return true;
	return false;
}

int
redis_command_check(const struct redis_command *c, struct err *err)
{
	const char *name;
	size_t len;

	if (c->n == 0)
		return err_set(err, "a command expected");
	name = redis_command_word(c, 0, &len);
	if (among(c, 0, refused) ||
	    (redis_command_is(c, 0, "CLIENT") && among(c, 1, refused_client)))
		return err_set(err,
		    "%.*s: connections are lent for one command alone",
		    (int)(len < 40 ? len : 40), name);
	return 0;
}

bool
redis_command_reads(const struct redis_command *c)
{
	return among(c, 0, reading);
}

/* ---- slots -------------------------------------------------------------- */

/* CRC-16/XMODEM, as the specification of Redis Cluster has it. */
static unsigned
crc16(const char *p, size_t len)
{
	unsigned crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned)(unsigned char)p[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0);
		crc &= 0xffff;
	}
	return crc;
}

int
redis_slot(const char *key, size_t len)
{
	const char *open = len > 0 ? memchr(key, '{', len) : NULL, *close;

	if (open != NULL) {
		open++;
		close = memchr(open, '}', len - (size_t)(open - key));
		if (close != NULL && close > open)
			return (int)(crc16(open, (size_t)(close - open)) %
				     REDIS_SLOTS);
	}
	return (int)(crc16(key, len) % REDIS_SLOTS);
}

/* Where the first key stands; 0: there is none. */
static size_t
first_key(const struct redis_command *c)
{
	if (among(c, 0, keyless))
		return 0;
	if (redis_command_is(c, 0, "XREAD") ||
	    redis_command_is(c, 0, "XREADGROUP")) {
		for (size_t i = 1; i < c->n; i++)
			if (redis_command_is(c, i, "STREAMS"))
				return i + 1;
		return 0;
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (redis_command_is(c, 0, places[i].name)) {
			if (places[i].numkeys == 0)
				return places[i].key;
			return redis_command_is(c, places[i].numkeys, "0")
				   ? 0
				   : places[i].numkeys + 1;
		}
	return 1;
}

int
redis_command_slot(const struct redis_command *c)
{
	size_t at = c->n > 0 ? first_key(c) : 0, len;
	const char *key;

	if (at == 0 || at >= c->n)
		return -1;
	key = redis_command_word(c, at, &len);
	return redis_slot(key, len);
}
