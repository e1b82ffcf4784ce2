/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * actors.c - two coroutines that take turns where the test says so
 */
#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#include "tests/lib/actors.h"

#define STACK ((size_t)256 << 10)

struct actor {
	ucontext_t context;
	char *stack;
	void (*run)(void *arg);
	void *arg;
	unsigned left; /* points until it is stopped */
	bool ended;
#if defined(__SANITIZE_ADDRESS__)
	void *fake;
#endif
#if defined(__SANITIZE_THREAD__)
	void *fiber;
#endif
};

static struct actor actors[2];
static struct actor *playing;
static ucontext_t stage;
#if defined(__SANITIZE_ADDRESS__)
static const void *stage_stack;
static size_t stage_size;
#endif
#if defined(__SANITIZE_THREAD__)
static void *stage_fiber;
#endif

/* Back to the stage, from actor A, which has ENDED or not. */
static void
leave(struct actor *a)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(a->ended ? NULL : &a->fake, stage_stack,
	    stage_size);
#endif
#if defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(stage_fiber, 0);
#endif
	swapcontext(&a->context, &stage);
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(a->fake, &stage_stack, &stage_size);
#endif
}

static void
enter(void)
{
	struct actor *a = playing;

#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(NULL, &stage_stack, &stage_size);
#endif
	a->run(a->arg);
	a->ended = true;
	leave(a);
}

void
actor_play(unsigned i, unsigned left)
{
	struct actor *a = &actors[i];

	if (a->ended)
		return;
	a->left = left;
	playing = a;
#if defined(__SANITIZE_ADDRESS__)
	void *fake;

	__sanitizer_start_switch_fiber(&fake, a->stack, STACK);
#endif
#if defined(__SANITIZE_THREAD__)
	stage_fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(a->fiber, 0);
#endif
	swapcontext(&stage, &a->context);
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
	playing = NULL;
}

void
actor_point(void)
{
	struct actor *a = playing;

	if (a != NULL && a->left-- == 0)
		leave(a);
}

void
actor_cast(unsigned i, void (*run)(void *arg), void *arg)
{
	struct actor *a = &actors[i];

	if (a->stack == NULL) {
		a->stack = malloc(STACK);
#if defined(__SANITIZE_THREAD__)
		a->fiber = __tsan_create_fiber(0);
#endif
	}
	a->run = run;
	a->arg = arg;
	a->ended = false;
	getcontext(&a->context);
	a->context.uc_stack.ss_sp = a->stack;
	a->context.uc_stack.ss_size = STACK;
	a->context.uc_link = NULL;
	makecontext(&a->context, enter, 0);
}

bool
actor_ended(unsigned i)
{
	return actors[i].ended;
}

void
actors_leave(void)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		free(actors[i].stack);
		actors[i].stack = NULL;
	}
}
