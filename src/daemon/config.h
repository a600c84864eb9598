/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_CONFIG_H
#define TALLY_DAEMON_CONFIG_H

#include "base/bytes.h"
#include "crypto/keys.h"
#include "node/txq.h"
#include "node/uv_disk.h"
#include "os/log.h"
#include "rpc/charge.h"
#include "rpc/rpc.h"
#include "rpc/uv_http.h"

/* The configuration file: INI, strict. An unknown section or key, a malformed or out-of-range
 * value, a key given twice that may stand once, are errors with file and line. Paths are relative
 * to the folder of the file.
 *
 *   section     key               value                              default
 *   [node]      data_dir          folder, created when absent         (required)
 *               network_id        0 .. 4294967295                     of the genesis file
 *               genesis           file written by `tally genesis`     (required)
 *               history           ledgers kept (256 or more) | full   10000
 *   [log]       file              path, opened anew on SIGHUP         standard error
 *               format            text | json (one object a line)     text
 *               level             error | warn | info | debug         info
 *               areas             other levels of areas (os/log.def): net:debug rpc:warn
 *               slow_ms           requests that take longer are logged, 0: none      500
 *   [validator] key_file          file of `tally validator-keys`      none: observes
 *               token_file        file of `tally master token`, instead of key_file
 *               revocation_file   [validator_key_revocation] of `tally master revoke`
 *   [voting]    what this validator wishes, in drops; without a key: what is
 *               reference_fee     0 .. 10^17
 *               account_reserve, owner_reserve   0 .. 4294967295
 *   [amendments] accept, veto     name or id of one that it votes for, or not, repeated;
 *                                 the method `feature` goes before it
 *   [unl]       key               n... public (master) key, repeated
 *               file              one n... key a line, # comments
 *               publisher         hex master key of a publisher of validator lists, repeated
 *               list              file with such a list, repeated
 *               site              https URL of one, repeated; http from loopback only
 *               ca_file           certificates (PEM) of sites and subscribers' URLs   the system's
 *               refresh_seconds   between two looks at files and sites       what a list says, 300
 *               list_threshold    publishers that must list a validator      1 of 2, else half + 1
 *               overlap_with      file of keys: another UNL in use in this network, repeated
 *               unsafe_overlap    yes: validate although UNLs overlap too little      no
 *   [peers]     listen            host:port, [v6]:port                none
 *               connect           host:port, repeated
 *               key_file          node identity, made when absent     <data_dir>/node.key
 *               max               1 .. 64                             21
 *   [transaction_queue]           the fee market; the reference server's keys and numbers:
 *               minimum_txn_in_ledger, minimum_txn_in_ledger_standalone
 *                                 transactions of a ledger before fees rise    32, 1000
 *               target_txn_in_ledger        a ledger with more may grow        256
 *               maximum_txn_in_ledger       before fees rise, at most          none
 *               normal_consensus_increase_percent    how much it may grow      20
 *               slow_consensus_decrease_percent      and shrink                50
 *               minimum_escalation_multiplier        level, 256 a base fee     128000
 *               ledgers_in_queue, minimum_queue_size what may wait             20, 2000
 *               maximum_txn_per_account     of one account                     10
 *               retry_sequence_percent      what a replacement pays more       25
 *               minimum_last_ledger_buffer  ledgers left to what may wait      2
 *   [http]      listen            host:port, repeated (HTTP and WebSocket, public)
 *   [ws]        listen            the same, a second section for habit's sake
 *   [tls]       listen            host:port, repeated: https and wss, public
 *               certificate       PEM: the server's own, then the others of its chain
 *               key               PEM, private to its owner; both are read again when they change
 *   [admin]     socket            path of a Unix socket, or none          <data_dir>/admin.sock
 *               listen            host:port, repeated; loopback only, wants the token
 *               token_file        made when absent                        <data_dir>/admin.token
 *   [metrics]   listen            host:port, repeated: GET /metrics, /health, /livez only
 *               public            yes: /metrics on public listeners as well       no
 *   [limits]    what clients of public listeners may ask, by address (IPv4, IPv6 /64):
 *               warn_at           charges a second from which they are slowed    5000
 *               drop_at           and from which they are refused                25000
 *               requests_per_second, request_burst   while they are slowed       20, 100
 *               loopback          yes: 127.0.0.0/8 and ::1 are limited too       no
 *               exempt            address that is not limited, repeated
 *               connections       of all public listeners, if descriptors allow  12000
 *               connections_per_address                                  20 (0: no limit)
 *               accepts_per_second     new ones of an IPv4 /24, IPv6 /56     50 (0: no limit)
 *               handshake_percent      of a processor, for handshakes of TLS  20
 *               requests_at_work       of all clients; more are told: busy    500
 *               queue_messages, queue_bytes   waiting for one client         16384, 16777216
 *               trusted_proxy     address whose X-Forwarded-For names the client, repeated
 *   [disk]      what is free of the file system of data_dir:
 *               warn_below_percent     below it a warning             20
 *               history_below_percent  no older ledgers are fetched   10
 *               stop_below_percent     the node does not validate      5
 *               stop_below_bytes       the same, whichever is more    2147483648
 *               emergency_bytes   held back for a stop in order       268435456
 */
#define CONFIG_LIST_MAX  64
#define CONFIG_PATH_MAX  1024
#define CONFIG_LISTS_MAX 8 /* publishers, list files, sites */
#define CONFIG_AREAS_MAX 32

struct config_listen {
	char host[64];
	uint16_t port;
	enum front_role role;
	bool tls;
};

struct config_keys { /* without duplicates */
	struct public_key *v;
	uint32_t n;
};

struct config {
	char data_dir[CONFIG_PATH_MAX];
	char genesis[CONFIG_PATH_MAX];
	bool has_network_id;
	uint32_t network_id;
	uint32_t history; /* 0 = full */
	struct config_log {
		char file[CONFIG_PATH_MAX]; /* "": standard error */
		enum log_format format;
		enum log_level level;
		uint8_t areas[CONFIG_AREAS_MAX]; /* level + 1, or 0: as level */
		uint32_t slow_ms;
	} log;
	char validator_key_file[CONFIG_PATH_MAX];
	char validator_token_file[CONFIG_PATH_MAX], revocation_file[CONFIG_PATH_MAX];
	struct node_wishes wishes; /* fees */
	struct rpc_vote votes[AMENDMENT_COUNT];
	uint32_t n_votes;
	struct config_keys unl; /* of our own */
	struct public_key publishers[CONFIG_LISTS_MAX];
	uint32_t n_publishers, list_threshold;
	char *list_files[CONFIG_LISTS_MAX], *list_sites[CONFIG_LISTS_MAX];
	uint32_t n_list_files, n_list_sites, list_refresh_s;
	char list_ca_file[CONFIG_PATH_MAX];
	struct config_keys overlap_with[CONFIG_LISTS_MAX];
	uint32_t n_overlap_with;
	bool unsafe_overlap;
	char peer_listen[96];
	char *peer_connect[CONFIG_LIST_MAX];
	uint32_t n_peer_connect;
	char peer_key_file[CONFIG_PATH_MAX];
	uint32_t peers_max;
	struct config_listen listen[CONFIG_LIST_MAX];
	uint32_t n_listen;
	bool public_metrics;
	char tls_certificate[CONFIG_PATH_MAX], tls_key[CONFIG_PATH_MAX];
	char admin_socket[CONFIG_PATH_MAX];     /* empty: none */
	char admin_token_file[CONFIG_PATH_MAX]; /* empty: no token is wanted, as stand-alone */
	bool no_admin_socket;
	uint32_t admin_places;     /* connections of an admin listener; 0: a few */
	struct front_limits front; /* those that are keys; 0: the front's default, or no limit */
	char *proxies[CONFIG_LISTS_MAX];
	uint32_t n_proxies;
	struct uv_disk_limits disk;
	struct txq_setup txq;
	struct charge_limits charge; /* 0: the default of rpc/charge.h */
	char *exempt[CONFIG_LISTS_MAX];
	uint32_t n_exempt;
};

/* Reads and checks a file; the reason names file and line. */
enum err config_load(struct config *out, const char *path, struct why *why) MUST_USE;
/* The same for a text that is at hand; files that it names are looked for beside `path`. */
enum err config_parse(struct config *out, struct bytes text, const char *path,
		      struct why *why) MUST_USE;
void config_close(struct config *c);
/* Whether folders and files that the node writes to can be, and others be read; changes nothing. */
enum err config_check_files(const struct config *c, struct why *why) MUST_USE;
/* Format and levels; the file is opened by log_open. */
void config_use_log_levels(const struct config_log *log);
/* "127.0.0.1:5005", "[::1]:5005", "localhost:5005". */
enum err config_parse_listen(struct config_listen *out, const char *text, struct why *why) MUST_USE;

#endif
