/*
 * signals.h - HUP, TERM and INT, for the main thread alone
 *
 * libmilter sigwait()s for all three in a thread of its own and stops at any
 * of them.  The kernel hands a process's signal to the main thread as long as
 * that does not block it; so the main thread never blocks them, has handlers
 * that write to a pipe, and reads the pipe.
 */
#ifndef KUMILTER_SIGNALS_H
#define KUMILTER_SIGNALS_H

/* In the main thread, before any other is started. */
void signals_take(void);
/* In every other thread that may start threads of a library: not here. */
void signals_leave(void);
/* The next signal, or 0 after so many milliseconds; -1: wait for ever. */
int signals_wait(int ms);
/* As if it had come. */
void signals_raise(int sig);

#endif
