/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h - a sample as a line of JSON; private
 */
#ifndef TOP_JSON_H
#define TOP_JSON_H

#include "top/watch.h"

/*
 * Prints what is known of W, an object in a line of its own, with the TALKERS
 * that speak most of each kind of address.  Returns 0 or ENOMEM.
 */
int json_print(const struct watch *w, size_t talkers);

#endif /* TOP_JSON_H */
