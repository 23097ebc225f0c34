/*
 * signals.h - HUP, TERM and INT, for the main thread alone
 *
 * libmilter wants all three for itself (glue.c keeps it from them).  Every
 * other thread blocks them; the main thread has handlers that write to a pipe,
 * and reads the pipe.
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
