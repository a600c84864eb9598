/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/golden.h"
#include "tests/rpc/market.h"
#include "tests/rpc/scenario.h"

/* Every file of tests/rpc/golden with a fresh scenario. */

static void run(const char *name, bool network, bool ahead)
{
	golden_run(scenario_open(network, ahead), name);
}

static void golden_server(void **state)
{
	(void)state;
	run("server", false, false);
}

static void golden_network(void **state)
{
	(void)state;
	run("network", true, true);
}

static void golden_account(void **state)
{
	(void)state;
	run("account", false, false);
}

static void golden_owned(void **state)
{
	(void)state;
	run("owned", false, false);
}

static void golden_ledger(void **state)
{
	(void)state;
	run("ledger", false, true);
}

static void golden_entry(void **state)
{
	(void)state;
	run("entry", false, false);
}

static void golden_transaction(void **state)
{
	(void)state;
	run("transaction", false, false);
}

static void golden_submit(void **state)
{
	(void)state;
	run("submit", false, false);
}

static void golden_sign(void **state)
{
	(void)state;
	run("sign", true, false);
}

static void golden_errors(void **state)
{
	(void)state;
	run("errors", false, false);
}

static void golden_market(void **state)
{
	struct fake *f = market_open(false);

	(void)state;
	market_cross(f);
	golden_run(f, "market");
}

static void golden_history(void **state)
{
	(void)state;
	run("history", false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_server),      cmocka_unit_test(golden_network),
	    cmocka_unit_test(golden_account),     cmocka_unit_test(golden_owned),
	    cmocka_unit_test(golden_ledger),      cmocka_unit_test(golden_entry),
	    cmocka_unit_test(golden_transaction), cmocka_unit_test(golden_submit),
	    cmocka_unit_test(golden_sign),        cmocka_unit_test(golden_errors),
	    cmocka_unit_test(golden_market),      cmocka_unit_test(golden_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
