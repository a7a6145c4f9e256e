/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eval.c - values of expressions: numbers, questions to the world, draws from the seed.
 */
#include <stdio.h>
#include <string.h>

#include "interp_private.h"

/* splitmix64, as the simulated host: every seed is good. */
static uint64_t draw(struct stress_interp *interp)
{
	uint64_t z = (interp->random += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static bool ask(struct stress_interp *interp, const struct stress_expr *expr, int64_t *value)
{
	struct stress_question question = {expr->quantity, expr->object, expr->word, expr->text};

	*value = 0;
	if (interp->world->ops->ask(interp->world, &question, value, interp->error) == 0)
		return true;
	stress_give_up(interp, NULL);
	return false;
}

static bool compare(enum stress_expr_kind kind, int64_t left, int64_t right)
{
	switch (kind) {
	case STRESS_EXPR_EQUAL:
		return left == right;
	case STRESS_EXPR_UNEQUAL:
		return left != right;
	case STRESS_EXPR_LESS:
		return left < right;
	case STRESS_EXPR_AT_MOST:
		return left <= right;
	case STRESS_EXPR_MORE:
		return left > right;
	default:
		return left >= right;
	}
}

/* Sums and products wrap around: a scenario cannot make the program undefined. */
static int64_t calculate(struct stress_interp *interp, enum stress_expr_kind kind, int64_t left,
			 int64_t right)
{
	uint64_t a = (uint64_t)left, b = (uint64_t)right;

	switch (kind) {
	case STRESS_EXPR_RANGE:
		return right <= left ? left : (int64_t)(a + draw(interp) % (b - a + 1));
	case STRESS_EXPR_ADD:
		return (int64_t)(a + b);
	case STRESS_EXPR_SUBTRACT:
		return (int64_t)(a - b);
	case STRESS_EXPR_MULTIPLY:
		return (int64_t)(a * b);
	default:
		return compare(kind, left, right);
	}
}

bool stress_eval(struct stress_interp *interp, const struct stress_expr *expr, int64_t *value)
{
	int64_t left, right;

	switch (expr->kind) {
	case STRESS_EXPR_NUMBER:
		*value = expr->number;
		return true;
	case STRESS_EXPR_COUNTER:
		*value = interp->counter[expr->number % STRESS_REPEATS_MAX];
		return true;
	case STRESS_EXPR_QUANTITY:
		return ask(interp, expr, value);
	default:
		break;
	}
	if (!stress_eval(interp, expr->left, &left))
		return false;
	if (expr->kind == STRESS_EXPR_NOT || (expr->kind == STRESS_EXPR_AND && !left) ||
	    (expr->kind == STRESS_EXPR_OR && left)) {
		*value = expr->kind == STRESS_EXPR_NOT ? !left : left != 0;
		return true;
	}
	if (!stress_eval(interp, expr->right, &right))
		return false;
	if (expr->kind == STRESS_EXPR_AND || expr->kind == STRESS_EXPR_OR)
		*value = right != 0;
	else
		*value = calculate(interp, expr->kind, left, right);
	return true;
}

void stress_eval_found(struct stress_interp *interp, const struct stress_expr *expr, char *text,
		       size_t bytes)
{
	char name[160], value[64], part[256];
	size_t used;
	int64_t number;

	if (expr->left)
		stress_eval_found(interp, expr->left, text, bytes);
	if (expr->right)
		stress_eval_found(interp, expr->right, text, bytes);
	if (expr->kind == STRESS_EXPR_COUNTER && expr->text)
		number = interp->counter[expr->number % STRESS_REPEATS_MAX];
	else if (expr->kind != STRESS_EXPR_QUANTITY || !ask(interp, expr, &number))
		return;
	stress_expr_show(interp->scenario, expr, name, sizeof(name));
	stress_number_show(number, expr->unit, value, sizeof(value));
	snprintf(part, sizeof(part), "%s is %s", name, value);
	if (strstr(text, part))
		return;
	used = strlen(text);
	if (used + strlen(part) + 3 < bytes)
		snprintf(text + used, bytes - used, "%s%s", used ? ", " : "", part);
}
