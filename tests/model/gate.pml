/*
 * gate.pml - the send gate of lwf/core/gate.c: one word per module, one step per compare-exchange.
 *
 * In C each function is a loop around one compare-exchange; what the loop reads before has no
 * effect unless the exchange succeeds, so a call is one atomic step here. The word's three parts
 * are three variables that are only touched together in such a step.
 *
 * BREAK chooses a gate that is wrong on purpose; the verifier must find it:
 *	1  tests, then counts (race R1)
 *	2  the last one out always signals, whether a completion is owed or not
 *	3  closes only when something is in flight (the answer that Npcap's crash got, Update 2)
 *	4  closes, then looks at the count, then owes (race R3: the wake-up is lost)
 *	5  signals and leaves owed set
 *	6  close with something in flight answers SUCCESS (Npcap before 0.99-r5)
 *	7  leaves before the frames are back in the module's pool (race R7; in stack.pml)
 *	8  touches the module after the signal (race R5; in stack.pml)
 *
 * 9 to 12 leave the gate alone and turn round the order of the stack, see stack.pml.
 */
#ifndef BREAK
#define BREAK 0
#endif

typedef Gate {
	bit closed;
	bit owed;
	byte count
};

Gate gate[2];

/* lwf_gate_enter(): ok is its answer. */
inline gate_enter(m, n, ok)
{
#if BREAK == 1
	ok = !gate[m].closed;
	if
	:: ok -> gate[m].count = gate[m].count + n
	:: else -> skip
	fi
#else
	d_step {
		ok = !gate[m].closed;
		if
		:: ok ->
			gate[m].count = gate[m].count + n;
			assert(ADMITTING(m)) /* nothing is admitted once pause has returned */
		:: else -> skip
		fi
	}
#endif
}

/* lwf_gate_leave(): signal is its answer. */
inline gate_leave(m, n, signal)
{
	d_step {
		assert(gate[m].count >= n); /* O08: never negative */
		gate[m].count = gate[m].count - n;
#if BREAK == 2
		signal = gate[m].count == 0;
#else
		signal = gate[m].count == 0 && gate[m].owed;
#endif
#if BREAK != 5
		if
		:: signal -> gate[m].owed = 0
		:: else -> skip
		fi;
#endif
		if
		:: signal -> signalling[m] = signalling[m] + 1
		:: else -> skip
		fi
	}
}

/* lwf_gate_close(): drained is its answer. */
inline gate_close(m, drained)
{
#if BREAK == 4
	gate[m].closed = 1;
	drained = gate[m].count == 0;
	if
	:: !drained -> gate[m].owed = 1
	:: else -> skip
	fi
#else
	d_step {
		assert(!gate[m].closed);
		drained = gate[m].count == 0;
#if BREAK == 3
		gate[m].closed = !drained;
#else
		gate[m].closed = 1;
#endif
#if BREAK == 6
		drained = 1;
#endif
		gate[m].owed = !drained
	}
#endif
}

/* lwf_gate_open(): the word must be "closed" and nothing else. */
inline gate_open(m)
{
	d_step {
		assert(gate[m].closed && !gate[m].owed && gate[m].count == 0);
		gate[m].closed = 0
	}
}
