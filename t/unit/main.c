/*
 * main.c - the main() of all Check suites
 *
 * Called as check_ROOM it runs that suite; with a name as its argument, that
 * one; else it lists them.  The Makefile writes suites.h: one line
 * UNIT(check_ROOM) for each file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT(name) int name(void);
#include "suites.h"
#undef UNIT

static const struct {
	const char *name;
	int (*run)(void);
} units[] = {
#define UNIT(name) { #name, name },
#include "suites.h"
};

#define N_UNITS (sizeof units / sizeof *units)

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

int
main(int argc, char **argv)
{
	const char *name = base_name(argv[argc > 1 ? 1 : 0]);

	for (size_t i = 0; i < N_UNITS; i++)
		if (strcmp(units[i].name, name) == 0)
			return units[i].run();
	for (size_t i = 0; i < N_UNITS; i++)
		puts(units[i].name);
	return argc > 1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
