#include "status.h"

#include "epoch.h"
#include "memo.h"
#include "metric.h"

#include <unistd.h>

void
status_print(struct str *out)
{
	struct epoch *e = epoch_current();

	str_addf(
	    out, "version %s\npid %ld\n", KUMILTER_VERSION, (long)getpid());
	if (e != NULL) {
		str_addf(out, "policy %s\nepoch %u\nstates %d\n", e->policy,
		    e->number, e->n_states);
		pthread_mutex_lock(&e->lock);
		for (int i = 0; i < e->n_states; i++)
			str_addf(out, "state %d sessions %d memory_bytes %zu\n",
			    i, atomic_load(&e->state[i]->n_sessions),
			    lmem_used(&e->state[i]->mem));
		pthread_mutex_unlock(&e->lock);
	}
	epoch_unref(e);
	metric_print(out);
	memo_print(out);
}
