/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwfctl: parse, run.
 */
#include "cli.h"
#include "ctl.h"

int main(int argc, char **argv)
{
	struct ctl_line line;
	int code;

	lwf_cli_begin(argc, argv);
	code = ctl_parse(argc, argv, &line);
	return code >= 0 ? code : ctl_run(&line);
}
