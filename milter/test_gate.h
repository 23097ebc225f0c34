/*
 * test_gate.h - a policy is served only if its tests pass
 *
 * `kumilter test` in a process of its own, so that nothing of it stays in the
 * daemon.  Waits for its end; any thread.
 */
#ifndef KUMILTER_TEST_GATE_H
#define KUMILTER_TEST_GATE_H

#include "err.h"

#include <stdint.h>

/*
 * names: folders and files; timeout: ns for all of them together.  -1 with the
 * first test that does not pass in *err.
 */
int test_gate(
    const char *const *names, int n, int64_t timeout, struct err *err);

#endif
