/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwf-stress: scripted faults against the engine, simulated and live.
 */
#include "stress.h"

int main(int argc, char **argv)
{
	return stress_main(argc, argv);
}
