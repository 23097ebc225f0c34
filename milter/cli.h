/*
 * cli.h - the verbs of kumilter
 *
 * Each takes its own argv, whose [0] is the verb, and gives an exit code of
 * sysexits.h.  They write answers to standard output and complaints to
 * standard error.
 */
#ifndef KUMILTER_CLI_H
#define KUMILTER_CLI_H

int cli_check(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_print_config(int argc, char **argv);
int cli_record(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_try(int argc, char **argv);
int cli_test(int argc, char **argv);

#endif
