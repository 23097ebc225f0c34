/*
 * fuzz.h - what is fed with any bytes
 *
 * Each t/fuzz/fuzz_ROOM.c has this one function.  libFuzzer calls it with
 * bytes of its own making; replay.c with the files of t/fuzz/corpus/ROOM, which
 * needs no fuzzer.  It must take whatever comes; what it claims of the answers
 * it claims with must(), which stops the process.
 */
#ifndef KUMILTER_FUZZ_H
#define KUMILTER_FUZZ_H

#include "milter/err.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
