/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - where shmif_server's messages go
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

/*
 * Opens the log: the file TO, to which lines are appended, each with its time,
 * or, with TO "syslog", syslog(3).  Called while there is one thread.  Returns 0
 * or an errno value.
 */
int log_open(const char *to);
/* From now on what this process writes to standard error is logged. */
void log_begin(void);

#endif /* SERVER_LOG_H */
