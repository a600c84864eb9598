/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_CRC32C_H
#define TALLY_STORE_CRC32C_H

#include "base/bytes.h"

/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, as iSCSI and ext4 use it): tells bytes that
 * rotted or were half written. It proves nothing against someone who chooses them. `crc` is 0 to
 * begin with, or the result for the bytes before. */
uint32_t crc32c(uint32_t crc, struct bytes in);

#endif
