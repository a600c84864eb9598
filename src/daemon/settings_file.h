/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_SETTINGS_FILE_H
#define TALLY_DAEMON_SETTINGS_FILE_H

#include "base/bytes.h"

/* What administrators set by the API, each a file in <data_dir>/settings: NAME.json. Written whole
 * and synced before the answer goes out; it is rare, so the loop waits for it. */
#define SETTINGS_FILE_BYTES_MAX (256u << 10)

/* ERR_ABSENT when it was never written. */
enum err settings_file_read(const char *data_dir, const char *name, struct buf *out,
			    struct why *why) MUST_USE;
enum err settings_file_write(const char *data_dir, const char *name, struct bytes text,
			     struct why *why) MUST_USE;

#endif
