/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_TER_H
#define TALLY_TX_TER_H

/* Results of transactions (rippled: TER.h). The ranges carry the meaning:
 *
 *   tel -399..-300  local: not applied, not forwarded; another server may think otherwise
 *   tem -299..-200  malformed: can never succeed in any ledger
 *   tef -199..-100  failure: cannot succeed in this ledger's state (past sequence ...); no fee
 *   ter  -99..-1    retry: might succeed later; held or queued
 *   tes 0           success
 *   tec 100..255    applied only to claim the fee; final once validated
 *
 * Names and numbers come from codec/results.def. */
enum ter {
#define R(name, number, text) name = (number),
#include "codec/results.def"
#undef R
};

static inline int ter_is_tel(enum ter t)
{
	return (int)t >= -399 && (int)t <= -300;
}
static inline int ter_is_tem(enum ter t)
{
	return (int)t >= -299 && (int)t <= -200;
}
static inline int ter_is_tef(enum ter t)
{
	return (int)t >= -199 && (int)t <= -100;
}
static inline int ter_is_ter(enum ter t)
{
	return (int)t >= -99 && (int)t <= -1;
}
static inline int ter_is_tec(enum ter t)
{
	return (int)t >= 100 && (int)t <= 255;
}

#endif
