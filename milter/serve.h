/*
 * serve.h - the daemon: kumilter serve
 *
 * Starts, reloads, drains and stops.  See kumilter(8) for the options.
 */
#ifndef KUMILTER_SERVE_H
#define KUMILTER_SERVE_H

#define POLICY_DEFAULT KUMILTER_SYSCONFDIR "/kumilter/init.lua"
#define SOCKET_DEFAULT "unix:/run/kumilter/milter.sock"

int cli_serve(int argc, char **argv);

#endif
