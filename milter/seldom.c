#include "seldom.h"

#include "clock.h"

#include <pthread.h>

#define PLACES 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint64_t name; /* 0: free */
	int64_t until;
} place[PLACES]; /* by lock */

/* FNV-1a; a collision of 64 bits holds one mail back */
static uint64_t
hash(const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return h != 0 ? h : 1;
}

bool
seldom_may(const char *name, size_t len, int64_t interval)
{
	uint64_t h = hash(name, len);
	int64_t now = clock_mono();
	size_t at = 0;
	bool may;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < PLACES; i++) {
		if (place[i].name == h) {
			at = i;
			break;
		}
		if (place[i].until < place[at].until)
			at = i;
	}
	may = place[at].name != h || place[at].until <= now;
	if (may) {
		place[at].name = h;
		place[at].until = now + interval;
	}
	pthread_mutex_unlock(&lock);
	return may;
}
