/*
 * stack.pml - two stacked modules, their gates, a stack that goes where its holds want it, clients
 * with frames in flight, and everybody who may interfere. docs/model.md says what is in it and what
 * is not.
 *
 * Who is who:
 *	Engine     lwf_stack_advance() and lwf_lifecycle(): the control thread, one step at a time
 *	Client     a thread that originates frames through the gate of either module, and may complete
 *	           frames right there, inside its send call (race R2)
 *	Host       the upper edge: the host's own sends, which no gate counts
 *	Filter     the lower module passing on what it was handed
 *	Completer  the lower edge: completes frames one by one or two together, in any order
 *	User       holds set and lifted, modules inserted and removed, clients killed, all at any time
 *
 * A step is what C does between two places where somebody else may come in: calls of a filter's
 * function, of the gate, of an edge, of lwf_pause_complete(). Where C has one thread (the path) the
 * model lets threads interleave, so that it also covers filters that originate from other threads.
 *
 * table.pml is made from the table of lwf/core/lifecycle.c, see table.py. It has the names of
 * states, events and functions, and lookup().
 */
#ifndef FRAMES
#define FRAMES 3
#endif
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef LIVE
#define LIVE 0
#endif

#define TOP    0
#define BOTTOM 1
#define HOST   2 /* as an origin: the upper edge */

/* ---- what lookup() found; for one step only, not part of the state ---- */
hidden byte hit;
hidden byte next_state;
hidden byte action;
#include "table.pml"

/* ---- modules ---- */
byte state[2] = DETACHED;
bit present[2] = 1;  /* is in the stack */
bit alive[2];	     /* what attach builds (context, pool) is there */
bit running[2];	     /* inside a control callback */
bit pending[2];	     /* it answered PENDING */
bit completed[2];    /* lwf_pause_complete() came before it returned */
byte signalling[2];  /* callers that the gate told to complete the pause and that have not yet */
byte out[2];	     /* sends_out of lwf/core/path.c */

/* ---- stack ---- */
bit attached, lower_running, upper_running;
byte host_out;	     /* inputs_out of the upper edge */
#if LIVE
byte goal = RUNNING; /* what the holds add up to: DETACHED, PAUSED or RUNNING */
byte change;	     /* 1 + the module to be inserted or removed */
#endif

/* ---- frames and sessions ---- */
#define FREE   0
#define PULLED 1 /* the client's record was taken, the gate not yet asked */
#define HELD   2 /* handed to the lower module */
#define EDGE   3 /* handed to the lower edge */
#define HOMING 4 /* answered, not yet back in its pool (BREAK 7 only) */

/* A frame is one byte: where it is, whose session's, who originated it (TOP, BOTTOM or HOST). */
byte frame[FRAMES];
#define CODE(where, whose, origin) ((where) + 8 * (whose) + 16 * (origin))
#define WHERE(f)  (frame[f] & 7)
#define WHOSE(f)  ((frame[f] >> 3) & 1)
#define ORIGIN(f) (frame[f] >> 4)
#define ANY	  255
#define AWAY(f)	  (WHERE(f) == HELD || WHERE(f) == EDGE)

#define OPEN	0
#define CLOSING 1
#define GONE	2 /* its memory is its owner's again */
byte session[2];
byte session_out[2];

/* ---- what must always hold ---- */

/* A frame may be admitted: Running; or the pause function has not closed the gate yet; or the
 * restart function opened it as its last act. */
#define ADMITTING(m) (alive[m] && (state[m] == RUNNING || \
	((state[m] == PAUSING || state[m] == RESTARTING) && running[m])))
#define CLEAN(m) (gate[m].count == 0 && !gate[m].owed && out[m] == 0 && !running[m] && \
	!pending[m] && signalling[m] == 0)
#define MODULE_HOLDS(m) ( \
	(state[m] != DETACHED || (!alive[m] && gate[m].closed && CLEAN(m))) && \
	(state[m] != ATTACHING) && \
	(state[m] != PAUSED || (alive[m] && gate[m].closed && CLEAN(m))) && \
	(state[m] != RUNNING || (alive[m] && !gate[m].closed && !gate[m].owed && !running[m])) && \
	(state[m] != RESTARTING || (alive[m] && (running[m] != pending[m]) && !gate[m].owed)) && \
	(state[m] != PAUSING || (alive[m] && (running[m] || (pending[m] && gate[m].closed && \
		gate[m].owed + signalling[m] == 1)))) && \
	(!gate[m].owed || (gate[m].closed && gate[m].count > 0)) && \
	(present[m] || state[m] == DETACHED))

/* Stack order (T01, T02), as states that may stand above one another. */
#define BUSY(m) (state[m] == RUNNING || state[m] == PAUSING || state[m] == RESTARTING)
#define ORDER_HOLDS ( \
	(!BUSY(TOP) || !present[BOTTOM] || state[BOTTOM] == RUNNING) && \
	((!BUSY(TOP) && !BUSY(BOTTOM)) || lower_running) && \
	(!lower_running || attached) && \
	(attached || (state[TOP] == DETACHED && state[BOTTOM] == DETACHED)) && \
	(!upper_running || ((!present[TOP] || state[TOP] == RUNNING) && \
		(!present[BOTTOM] || state[BOTTOM] == RUNNING))))

inline must_hold()
{
	assert(MODULE_HOLDS(TOP));
	assert(MODULE_HOLDS(BOTTOM));
	assert(ORDER_HOLDS)
}

#include "gate.pml"

/* ---- the lifecycle ---- */

/* lwf_lifecycle() as far as the table goes: an event that the stack issues is never refused. */
inline fire(m, event)
{
	lookup(state[m], event);
	assert(hit);
	state[m] = next_state
}

/* The callback of @m came to an end: its answer is an event. */
inline feed(m, event)
{
	fire(m, event);
	assert(action == NO_FUNCTION);
	running[m] = 0;
	pending[m] = 0;
	completed[m] = 0
}

/* lwf_pause_complete() */
inline pause_complete(m)
{
	d_step {
		assert(state[m] == PAUSING);	  /* S09 */
		assert(!completed[m]);		  /* S10 */
		assert(running[m] || pending[m]); /* S09 */
		signalling[m] = signalling[m] - 1;
		if
		:: running[m] -> completed[m] = 1 /* F03: the pause goes on with it when it returns */
		:: else ->
			assert(out[m] == 0); /* P03 */
			feed(m, DONE)
		fi;
		must_hold()
	}
}

/* ---- frames ---- */

hidden byte i, missing, other;

/* Frames in one and the same situation are not told apart: their order is made canonical. */
inline swap_if_less(a, b)
{
	if
	:: frame[a] < frame[b] -> other = frame[a]; frame[a] = frame[b]; frame[b] = other
	:: else -> skip
	fi
}

inline tidy()
{
#if !LIVE && BREAK != 7 && FRAMES > 1
	swap_if_less(0, 1);
#if FRAMES == 3
	swap_if_less(1, 2);
	swap_if_less(0, 1)
#endif
#else
	skip
#endif
}

#if FRAMES == 3
#define FREE_FRAMES ((frame[0] == FREE) + (frame[1] == FREE) + (frame[2] == FREE))
#elif FRAMES == 2
#define FREE_FRAMES ((frame[0] == FREE) + (frame[1] == FREE))
#else
#define FREE_FRAMES (frame[0] == FREE)
#endif

/* lwf_session_pull() of n free frames for session @me. */
inline pull(me, m, n)
{
	d_step {
		assert(session[me] != GONE);
		missing = n;
		for (i : 0 .. FRAMES - 1) {
			if
			:: missing > 0 && frame[i] == FREE ->
				frame[i] = CODE(PULLED, me, m);
				missing = missing - 1
			:: else -> skip
			fi
		}
		assert(missing == 0);
		session_out[me] = session_out[me] + n;
		tidy()
	}
}

/* The one answer of a frame: lwf_session_answer() or lwf_session_refuse(). */
inline answer(whose)
{
	assert(session[whose] != GONE);
	assert(session_out[whose] > 0);
	session_out[whose] = session_out[whose] - 1
}

/* The gate refused: PAUSED at the door, and the module was not touched. */
inline refuse_pulled(me)
{
	d_step {
		for (i : 0 .. FRAMES - 1) {
			if
			:: WHERE(i) == PULLED && WHOSE(i) == me -> answer(me); frame[i] = FREE
			:: else -> skip
			fi
		}
		tidy()
	}
}

/* lwf_next_send() of what the gate admitted. */
inline hand_on(me, m)
{
	d_step {
		assert(alive[m]);
		assert(state[m] == RUNNING || state[m] == PAUSING);
		assert(lower_running);
		assert(m == BOTTOM || !present[BOTTOM] || state[BOTTOM] == RUNNING); /* P08 */
		for (i : 0 .. FRAMES - 1) {
			if
			:: WHERE(i) == PULLED && WHOSE(i) == me ->
				out[m] = out[m] + 1;
				if
				:: m == TOP && present[BOTTOM] -> frame[i] = CODE(HELD, me, m)
				:: else -> frame[i] = CODE(EDGE, me, m)
				fi
			:: else -> skip
			fi
		}
		tidy()
	}
}

/* Frame @f climbs to its origin past the modules between, and gets its answer there. */
inline climb(f, m)
{
	assert(m == BOTTOM || !present[BOTTOM] || state[BOTTOM] == RUNNING);
	if
	:: m == HOST ->
		assert(!present[TOP] || state[TOP] == RUNNING);
		assert(host_out > 0);
		host_out = host_out - 1
	:: else ->
		assert(alive[m]);
		assert(state[m] == RUNNING || state[m] == PAUSING);
		assert(out[m] > 0);
		out[m] = out[m] - 1;
		answer(WHOSE(f))
	fi
}

/* f becomes any frame that is away, or @own when that is one; waits until there is one. */
inline select_away(f, own)
{
	if
	:: (own == ANY || own == 0) && AWAY(0) -> f = 0
#if FRAMES > 1
	:: (own == ANY || own == 1) && AWAY(1) -> f = 1
#endif
#if FRAMES > 2
	:: (own == ANY || own == 2) && AWAY(2) -> f = 2
#endif
	fi
}

/*
 * come_home() of lwf/filters/inject.c: one frame, or two of one origin, get their answers and are
 * back in their pool; then the gate is missing; then, perhaps, the pause is completed; nothing after.
 */
#if BREAK != 7
inline complete_some(m, n, signal, f, own)
{
	atomic {
		select_away(f, own);
		d_step {
			m = ORIGIN(f);
			n = 1;
			climb(f, m);
			frame[f] = FREE
		}
#if !LIVE
		if
		:: f + 1 < FRAMES && AWAY(f + 1) && ORIGIN(f + 1) == m ->
			d_step { n = 2; climb(f + 1, m); frame[f + 1] = FREE }
		:: true -> skip
		fi;
#endif
		d_step {
			f = 0;
			tidy();
			if
			:: m == HOST -> m = 0; n = 0
			:: else -> skip
			fi
		}
	}
	if
	:: n == 0 -> skip
	:: atomic { n > 0 ->
		gate_leave(m, n, signal);
		n = 0;
		if
		:: signal -> skip
		:: else -> m = 0
		fi }
		if
		:: !signal -> skip
#if BREAK == 8
		:: signal -> pause_complete(m); d_step { assert(alive[m]); signal = 0; m = 0 }
#else
		:: atomic { signal -> pause_complete(m); signal = 0; m = 0 }
#endif
		fi
	fi
}
#else
inline complete_some(m, n, signal, f, own)
{
	atomic {
		select_away(f, own);
		d_step {
			m = ORIGIN(f);
			climb(f, m);
			frame[f] = CODE(HOMING, WHOSE(f), m)
		}
	}
	if
	:: m == HOST -> skip
	:: else -> gate_leave(m, 1, signal)
	fi;
	d_step {
		assert(m == HOST || alive[m]); /* the frame's pool is the module's */
		frame[f] = FREE;
		f = 0
	}
	if
	:: signal -> atomic { pause_complete(m); signal = 0; m = 0 }
	:: else -> m = 0
	fi
}
#endif

/* ---- processes ---- */

/* The frames are admitted in one step, or refused in one: what a client pulls and is refused is
 * nobody else's business. They are handed on from the loop thread, while no callback of the module runs. */
proctype Client(byte me)
{
	byte m, n, f;
	bit ok;

again:
	if
	:: atomic {
		session[me] == OPEN && FREE_FRAMES >= 1;
		if
		:: m = TOP
		:: m = BOTTOM
		fi;
		if
		:: n = 1
		:: FREE_FRAMES >= 2 -> n = 2
		fi;
		pull(me, m, n);
#if BREAK == 1
		} /* others may come in between test and count */
#endif
		gate_enter(m, n, ok);
		n = 0;
		if
		:: ok -> ok = 0
		:: else -> refuse_pulled(me); m = 0; goto again
		fi
#if BREAK != 1
	}
#endif
		atomic { !running[m] -> hand_on(me, m); m = 0 }
		if
		:: complete_some(m, n, ok, f, ANY) /* inside the send call */
		:: true -> skip
		fi
	:: d_step { session[me] == CLOSING && session_out[me] == 0 -> session[me] = GONE }
	:: d_step { session[me] == GONE -> session[me] = OPEN } /* the next client */
	fi;
	goto again
}

proctype Host()
{
	byte f;

	do
	:: d_step {
		upper_running && FREE_FRAMES >= 1 ->
		for (f : 0 .. FRAMES - 1) { /* any one that is free */
			if
			:: frame[f] == FREE -> other = f
			:: else -> skip
			fi
		}
		f = 0;
		assert(!present[TOP] || state[TOP] == RUNNING);
		host_out = host_out + 1;
		if
		:: present[BOTTOM] -> frame[other] = CODE(HELD, 0, HOST)
		:: else -> frame[other] = CODE(EDGE, 0, HOST)
		fi;
		tidy();
		must_hold()
	}
	od
}

#define PASS_ON(f) \
	d_step { \
		WHERE(f) == HELD -> \
		assert(present[BOTTOM] && state[BOTTOM] == RUNNING); /* P08 */ \
		assert(lower_running); \
		frame[f] = frame[f] - HELD + EDGE; \
		tidy() \
	}

proctype Filter()
{
	do
	:: PASS_ON(0)
#if FRAMES > 1
	:: PASS_ON(1)
#endif
#if FRAMES > 2
	:: PASS_ON(2)
#endif
	od
}

proctype Completer(byte own)
{
	byte m, n, f;
	bit signal;

	do
	:: complete_some(m, n, signal, f, own)
	od
}

/* Any hold may come or go at any time, so the goal may change to any other. */
proctype User()
{
	do
	:: session[0] == OPEN -> session[0] = CLOSING
#if CLIENTS > 1
	:: session[1] == OPEN -> session[1] = CLOSING
#endif
#if LIVE
	:: goal != DETACHED -> goal = DETACHED
	:: goal != PAUSED -> goal = PAUSED
	:: goal != RUNNING -> goal = RUNNING
	:: change == 0 -> change = 1 + TOP
	:: change == 0 -> change = 1 + BOTTOM
#endif
	od
}

/* ---- the engine ---- */

#define RESTS(m) (state[m] == DETACHED || state[m] == PAUSED || state[m] == RUNNING)
#define AT_REST (RESTS(TOP) && RESTS(BOTTOM))
#define STOPPED (!upper_running && host_out == 0 && state[TOP] != RUNNING && \
	state[BOTTOM] != RUNNING && !lower_running)
#if LIVE
#define GOES_DOWN (AT_REST && (goal != RUNNING || change != 0) && !STOPPED)
#define GOES_OUT (AT_REST && change == 0 && goal == DETACHED && STOPPED)
#define GOES_IN	 (AT_REST && change == 0 && (goal == RUNNING || (goal == PAUSED && STOPPED)))
#define GOES_ON	 (change == 0 && goal == RUNNING)
#define CHANGES(m) (change == 1 + (m))
#else /* whatever the holds are at this moment */
#define GOES_DOWN (AT_REST && !STOPPED)
#define GOES_OUT (AT_REST && STOPPED)
#define GOES_IN	 AT_REST
#define GOES_ON	 true
#define CHANGES(m) true
#endif
/* NDIS's order; BREAK 9 to 12 turn it round, or do not wait for the host's own sends. */
#if BREAK == 9
#define FIRST_DOWN BOTTOM
#define LAST_DOWN  TOP
#else
#define FIRST_DOWN TOP
#define LAST_DOWN  BOTTOM
#endif
#if BREAK == 10
#define FIRST_UP TOP
#define LAST_UP	 BOTTOM
#else
#define FIRST_UP BOTTOM
#define LAST_UP	 TOP
#endif
#if BREAK == 11
#define FIRST_OUT BOTTOM
#define LAST_OUT  TOP
#else
#define FIRST_OUT TOP
#define LAST_OUT  BOTTOM
#endif
#if BREAK == 12
#define HOST_IS_HOME true
#else
#define HOST_IS_HOME (host_out == 0)
#endif
#define ATTACHED(m) (!present[m] || state[m] != DETACHED)
#define GOES_UP (AT_REST && GOES_ON && attached && ATTACHED(TOP) && ATTACHED(BOTTOM))

/* The holds that faults set. */
#if LIVE
#define set_goal(g)   goal = g
#define set_change(c) change = c
#define lower_goal()  goal = (goal == RUNNING -> PAUSED : goal)
#else
#define set_goal(g)   skip
#define set_change(c) skip
#define lower_goal()  skip
#endif

/* FilterAttach: builds the context and makes the gate, closed and empty; or fails and leaves nothing. */
inline do_attach(m)
{
	d_step {
		fire(m, ATTACH);
		assert(action == FILTER_ATTACH);
		assert(state[m] == ATTACHING); /* S02 */
		assert(!alive[m] && gate[m].closed && CLEAN(m))
	}
	if
	:: d_step { alive[m] = 1; feed(m, DONE); must_hold() }
	:: d_step { feed(m, FAILED); set_goal(DETACHED); must_hold() }
	fi
}

/* FilterDetach: frees it; nothing of the module may be out there. */
inline do_detach(m)
{
	d_step {
		fire(m, DETACH);
		assert(action == FILTER_DETACH);
		assert(alive[m] && gate[m].closed && CLEAN(m));
		alive[m] = 0;
		must_hold()
	}
}

/* lwf_modify_apply(): a module is inserted, Detached, or is detached and removed. */
inline do_change(m)
{
	if
	:: state[m] == PAUSED -> do_detach(m)
	:: else -> skip
	fi;
	d_step {
		present[m] = !present[m];
		set_change(0);
		must_hold()
	}
}

inline begin_pause(m)
{
	d_step {
		fire(m, PAUSE);
		assert(action == FILTER_PAUSE);
		assert(state[m] == PAUSING); /* S05 */
		running[m] = 1;
		must_hold()
	}
}

/* The pause function returned SUCCESS (drained) or PENDING. */
inline end_pause(m, drained)
{
	d_step {
		if
		:: drained ->
			assert(!completed[m] && signalling[m] == 0); /* S09 */
			assert(out[m] == 0);			     /* P03 */
			feed(m, DONE)
		:: !drained && completed[m] -> assert(out[m] == 0); feed(m, DONE)
		:: else -> running[m] = 0; pending[m] = 1
		fi;
		must_hold()
	}
}

inline begin_restart(m)
{
	d_step {
		fire(m, RESTART);
		assert(action == FILTER_RESTART);
		assert(state[m] == RESTARTING); /* S11 */
		running[m] = 1;
		must_hold()
	}
}

inline end_restart(m, done)
{
	d_step {
		if
		:: done -> feed(m, DONE)
		:: else -> feed(m, FAILED); lower_goal() /* S12 */
		fi;
		must_hold()
	}
}

proctype Engine()
{
	byte m;
	bit ok;

again:
	if
	/* from the top down */
	:: d_step { GOES_DOWN && upper_running -> upper_running = 0; must_hold() }
	:: atomic { GOES_DOWN && !upper_running && HOST_IS_HOME && state[FIRST_DOWN] == RUNNING ->
		m = FIRST_DOWN; begin_pause(m) }
		goto pausing
	:: atomic { GOES_DOWN && !upper_running && HOST_IS_HOME && state[FIRST_DOWN] != RUNNING &&
		state[LAST_DOWN] == RUNNING -> m = LAST_DOWN; begin_pause(m) }
		goto pausing
	:: d_step { GOES_DOWN && !upper_running && HOST_IS_HOME && state[TOP] != RUNNING &&
		state[BOTTOM] != RUNNING && lower_running -> lower_running = 0; must_hold() }
	/* a change of the modules, once all is paused */
	:: atomic { AT_REST && STOPPED && CHANGES(TOP) -> do_change(TOP) }
	:: atomic { AT_REST && STOPPED && CHANGES(BOTTOM) -> do_change(BOTTOM) }
	/* out, from the top down */
	:: atomic { GOES_OUT && state[FIRST_OUT] == PAUSED ->
		assert(FIRST_OUT == TOP || state[TOP] == DETACHED); /* T02 */
		do_detach(FIRST_OUT) }
	:: atomic { GOES_OUT && state[FIRST_OUT] != PAUSED && state[LAST_OUT] == PAUSED ->
		assert(LAST_OUT == TOP || state[TOP] == DETACHED); /* T02 */
		do_detach(LAST_OUT) }
	:: d_step { GOES_OUT && state[TOP] == DETACHED && state[BOTTOM] == DETACHED && attached ->
		attached = 0; must_hold() }
	/* in, from the bottom up */
	:: atomic { GOES_IN && !attached ->
		if
		:: attached = 1
		:: set_goal(DETACHED)
		fi }
	:: atomic { GOES_IN && attached && !ATTACHED(BOTTOM) -> do_attach(BOTTOM) }
	:: atomic { GOES_IN && attached && ATTACHED(BOTTOM) && !ATTACHED(TOP) -> do_attach(TOP) }
	/* up, from the bottom */
	:: d_step { GOES_UP && !lower_running -> lower_running = 1; must_hold() }
	:: atomic { GOES_UP && lower_running && state[FIRST_UP] == PAUSED ->
		m = FIRST_UP; begin_restart(m) }
		goto restarting
	:: atomic { GOES_UP && lower_running && state[FIRST_UP] != PAUSED && state[LAST_UP] == PAUSED ->
		m = LAST_UP; begin_restart(m) }
		goto restarting
	:: d_step { GOES_UP && lower_running && state[BOTTOM] != PAUSED && state[TOP] != PAUSED &&
		!upper_running -> upper_running = 1; must_hold() }
	/* a restart that pends is completed, in one step on the loop thread */
	:: atomic { state[BOTTOM] == RESTARTING && pending[BOTTOM] ->
		if
		:: gate_open(BOTTOM); end_restart(BOTTOM, true)
		:: end_restart(BOTTOM, false)
		fi }
	:: atomic { state[TOP] == RESTARTING && pending[TOP] ->
		if
		:: gate_open(TOP); end_restart(TOP, true)
		:: end_restart(TOP, false)
		fi }
	fi;
	goto again;
pausing:
	gate_close(m, ok);
	d_step { end_pause(m, ok); m = 0; ok = 0 }
	goto again;
restarting:
	if
	:: gate_open(m); d_step { end_restart(m, true); m = 0 }
	:: d_step { end_restart(m, false); m = 0 }
	:: d_step { running[m] = 0; pending[m] = 1; m = 0; must_hold() } /* PENDING */
	fi;
	goto again
}

init {
	atomic {
		TABLE_READY;
		gate[TOP].closed = 1; /* lwf_gate_init() */
		gate[BOTTOM].closed = 1;
		run Engine();
		run User();
		run Host();
		run Filter();
#if LIVE /* fair to each frame */
		run Completer(0);
#if FRAMES > 1
		run Completer(1);
#endif
#else
		run Completer(ANY);
#endif
		run Client(0);
#if CLIENTS == 2
		run Client(1)
#endif
	}
}

#if LIVE
/* Under weak fairness (pan -f): nobody who can go on is kept waiting for ever. */
ltl top_pause_ends { [] (state[TOP] == PAUSING -> <> (state[TOP] != PAUSING)) }
ltl bottom_pause_ends { [] (state[BOTTOM] == PAUSING -> <> (state[BOTTOM] != PAUSING)) }
ltl frames_come_home { [] (AWAY(0) -> <> (frame[0] == FREE)) }
ltl dead_clients_go { [] (session[0] == CLOSING -> <> (session[0] == GONE)) }
ltl running_is_reached { <> [] (goal == RUNNING && change == 0) -> <> upper_running }
ltl paused_is_reached { <> [] (goal == PAUSED && change == 0) -> <> [] (STOPPED && attached) }
ltl detached_is_reached { <> [] (goal == DETACHED && change == 0) -> <> [] (!attached) }
#endif
