#include "fs_space.h"

#include "lru.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/statvfs.h>

struct answer {
	int64_t when;
	int error; /* errno, or 0 */
	struct fs_space space;
};

static struct {
	pthread_mutex_t lock;
	struct lru answers; /* by path */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

int
fs_space_last(const char *path, int64_t interval, int64_t now,
    struct fs_space *space, struct err *err)
{
	const struct answer *a = NULL;
	int rc = 0;

	pthread_mutex_lock(&all.lock);
	if (all.answers.bucket != NULL)
		a = lru_get(&all.answers, path, strlen(path));
	if (a != NULL && now - a->when <= interval) {
		*space = a->space;
		rc = 1;
		if (a->error != 0)
			rc = err_set(err, "%s: %s", path, strerror(a->error));
	}
	pthread_mutex_unlock(&all.lock);
	return rc;
}

void
fs_space_ask(const char *path, int64_t now)
{
	struct answer new = { .when = now };
	struct statvfs st;

	must(strlen(path) <= FS_SPACE_PATH_MAX);
	if (statvfs(path, &st) != 0) {
		new.error = errno;
	} else {
		uint64_t block = st.f_frsize;

		new.space.kilobytes_available = st.f_bavail *block / 1024;
		new.space.kilobytes_total = st.f_blocks *block / 1024;
		new.space.objects_available = st.f_favail;
		new.space.objects_total = st.f_files;
	}
	pthread_mutex_lock(&all.lock);
	if (all.answers.bucket == NULL)
		lru_init(&all.answers, sizeof(struct answer), FS_SPACE_PATHS,
		    SIZE_MAX, NULL);
	*(struct answer *)lru_put(&all.answers, path, strlen(path)) = new;
	pthread_mutex_unlock(&all.lock);
}
