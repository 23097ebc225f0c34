/*
 * macro_name.h - the macros that each stage is to bring
 *
 * What the MTA is asked for, so that no configuration of its is needed, and
 * so all that there is to know of a session beside its commands.
 */
#ifndef KUMILTER_MACRO_NAME_H
#define KUMILTER_MACRO_NAME_H

#include "phase.h"

#include <stdbool.h>
#include <stddef.h>

/* Those of a stage with a blank between two; "" where it brings none. */
const char *macro_names(enum phase phase);

/* All of them, each once, by number. */
#define MACRO_NAMES 33
const char *macro_name(int number);             /* "{daemon_name}" */
int macro_number(const char *name);             /* or -1 */
bool macro_is_of(int number, enum phase phase); /* does that bring it? */

#endif
