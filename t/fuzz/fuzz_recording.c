#include "fuzz.h"

#include "milter/recording_read.h"
#include "milter/replay_diff.h"
#include "milter/replay_tally.h"
#include "milter/replay_text.h"

#include <sys/mman.h>
#include <unistd.h>

/* A session beside itself, and as the other side of itself. */
static void
compare(struct replay_tally *t, const json_t *session)
{
	json_t *side = json_pack("{sO}", "played", session);
	json_t *a = replay_diff(session, NULL, side);
	json_t *b = replay_diff(session, side, side);
	struct str text = { 0 };

	must(json_array_size(json_object_get(b, "changes")) == 0);
	replay_tally_add(t, a, session, NULL, side);
	replay_text_session(&text, a, 1, true);
	must(text.len > 0);
	str_fini(&text);
	json_decref(a);
	json_decref(b);
	json_decref(side);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct replay_tally *t = replay_tally_new();
	struct recording_reader *r;
	enum recording_got got;
	unsigned long last = 0;
	struct str text = { 0 };
	json_t *session, *all;
	struct err err;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	must(lseek(fd, 0, SEEK_SET) == 0);
	r = recording_open_fd(fd, "fuzz");
	do {
		got = recording_next(r, &session, &err);
		must((got == RECORDING_SESSION) == (session != NULL));
		must(got == RECORDING_END || got == RECORDING_FAILED ||
		     recording_number_of_line(r) > last);
		last = recording_number_of_line(r);
		if (session != NULL)
			compare(t, session);
		json_decref(session);
	} while (got == RECORDING_SESSION || got == RECORDING_BAD);
	all = replay_tally_json(t);
	replay_text_summary(&text, all, false);
	str_fini(&text);
	json_decref(all);
	replay_tally_free(t);
	recording_close(r);
	return 0;
}
