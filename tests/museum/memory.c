/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - each allocation is a page; a freed page may not be touched, and is not used again in
 * that run. So a touch is found by the processor, whatever compiler or sanitizer is used.
 *
 * At a touch the page is opened again, so that the instruction can go on: the run ends at the next
 * seam, and the report is the simulation's own instead of a core dump.
 */
#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "museum.h"

#define PAGES	   256u
#define PAGE_BYTES 4096u

static struct {
	uint8_t *pages;
	uint32_t used;
	bool shut[PAGES];
	void (*touched)(uint32_t allocation);
} heap;

static void protect(uint32_t page, int how)
{
	int failed = mprotect(heap.pages + (size_t)page * PAGE_BYTES, PAGE_BYTES, how);

	assert(!failed);
	heap.shut[page] = how == PROT_NONE;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr - (uintptr_t)heap.pages;

	(void)context;
	if (at >= (uintptr_t)PAGES * PAGE_BYTES || !heap.shut[at / PAGE_BYTES]) {
		signal(number, SIG_DFL); /* a fault of the museum's own */
		return;
	}
	protect((uint32_t)(at / PAGE_BYTES), PROT_READ | PROT_WRITE);
	heap.touched((uint32_t)(at / PAGE_BYTES));
}

void memory_open(void (*touched)(uint32_t allocation))
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	assert(sysconf(_SC_PAGESIZE) == (long)PAGE_BYTES);
	heap.touched = touched;
	heap.pages = mmap(NULL, (size_t)PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(heap.pages != MAP_FAILED);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void memory_begin(void)
{
	for (uint32_t i = 0; i < heap.used; i++)
		if (heap.shut[i])
			protect(i, PROT_READ | PROT_WRITE);
	heap.used = 0;
}

void *mu_alloc(size_t bytes)
{
	void *memory = heap.pages + (size_t)heap.used * PAGE_BYTES;

	assert(bytes <= PAGE_BYTES && heap.used < PAGES);
	heap.used++;
	return memset(memory, 0, bytes);
}

void mu_free(void *memory)
{
	size_t at = (size_t)((uint8_t *)memory - heap.pages);

	assert(at % PAGE_BYTES == 0 && at / PAGE_BYTES < heap.used && !heap.shut[at / PAGE_BYTES]);
	protect((uint32_t)(at / PAGE_BYTES), PROT_NONE);
}
