/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwf-museum-stress: lwf-stress, with an engine of the museum in place of ours.
 *
 *	lwf-museum-stress --piece NAME [--fixed] COMMAND FILE.scn [options of lwf-stress]
 */
#include <stdio.h>
#include <string.h>

#include "stress.h"
#include "theatre.h"

static const struct mu_piece *const pieces[][2] = {
#define X(symbol) {&mu_piece_##symbol, &mu_fixed_##symbol},
#include "pieces.def"
#undef X
};

static char command[STRESS_COMMAND_BYTES];

static bool find(const char *name, bool fixed)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (strcmp(pieces[i][0]->name, name) == 0)
			theatre_piece = pieces[i][fixed];
	return theatre_piece != NULL;
}

int main(int argc, char **argv)
{
	bool fixed = argc > 3 && strcmp(argv[3], "--fixed") == 0;
	int ours = 2 + fixed;

	if (argc <= ours || strcmp(argv[1], "--piece") != 0 || !find(argv[2], fixed)) {
		fprintf(stderr, "usage: lwf-museum-stress --piece NAME [--fixed] COMMAND FILE.scn "
				"[options]; see lwf-museum --list, lwf-stress --help\n");
		return LWF_EXIT_USAGE;
	}
	snprintf(command, sizeof(command), "%.200s --piece %s%s", argv[0], argv[2],
		 fixed ? " --fixed" : "");
	stress_simulation.command = command;
	stress_simulation.create = theatre_create;
	argv[ours] = argv[0];
	return stress_main(argc - ours, argv + ours);
}
