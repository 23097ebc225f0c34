/*
 * replay.c - the main() of a fuzz target without a fuzzer
 *
 * fuzz_ROOM FILE... gives each file to the target, in a block of exactly its
 * size, so that sanitizers and valgrind see a byte too much read.  Exit code 1
 * where a file cannot be read or there is none.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint8_t *
read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	uint8_t *data;

	if (f == NULL || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		if (f != NULL)
			fclose(f);
		return NULL;
	}
	*size = (size_t)st.st_size;
	data = malloc(*size != 0 ? *size : 1);
	if (data != NULL && fread(data, 1, *size, f) != *size) {
		free(data);
		data = NULL;
	}
	fclose(f);
	return data;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t size = 0;
		uint8_t *data = read_file(argv[i], &size);

		if (data == NULL) {
			fprintf(
			    stderr, "%s: cannot read %s\n", argv[0], argv[i]);
			return EXIT_FAILURE;
		}
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	if (argc < 2)
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
	else
		printf("%s: %d inputs\n", argv[0], argc - 1);
	return argc < 2 ? EXIT_FAILURE : EXIT_SUCCESS;
}
