/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_main.c - lwf-inject. The program is inject_command(), a function, so that tests can call it.
 */
#include "cli.h"
#include "inject_run.h"

int main(int argc, char **argv)
{
	lwf_cli_begin(argc, argv);
	return inject_command(argc, argv);
}
